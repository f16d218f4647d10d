/** A pattern as fnmatch(3) takes it, the way modprobe(8) does: dashes are underscores, but not inside brackets. Match it against text with underscores. */
export function fnmatch(pattern: string): RegExp {
  const parts = pattern.match(/\[[^\]]*\]|[^[]+|\[/g) ?? [];
  const source = parts.map((part) => {
    if (part.startsWith("[") && part.endsWith("]")) return part.replace(/^\[!/, "[^").replaceAll("\\", "\\\\");
    return underscores(part).replaceAll(/[.+^${}()|\\[\]]/g, "\\$&").replaceAll("*", ".*").replaceAll("?", ".");
  });
  return new RegExp(`^${source.join("")}$`, "s");
}

/** Names with dashes and with underscores mean the same. */
export function underscores(text: string): string {
  return text.replaceAll("-", "_");
}
