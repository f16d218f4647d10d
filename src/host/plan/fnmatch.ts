/** A pattern as fnmatch(3) takes it, the way modprobe(8) does: dashes are underscores, but not inside brackets. Match it against text with underscores. */
export function fnmatch(pattern: string): RegExp {
  return expression(pattern, underscores);
}

/** A pattern as fnmatch(3) takes it, for one part of a path. */
export function fnmatchExact(pattern: string): RegExp {
  return expression(pattern, (text) => text);
}

/** Names with dashes and with underscores mean the same. */
export function underscores(text: string): string {
  return text.replaceAll("-", "_");
}

function expression(pattern: string, change: (text: string) => string): RegExp {
  const parts = pattern.match(/\[[^\]]*\]|[^[]+|\[/g) ?? [];
  const source = parts.map((part) => {
    if (part.startsWith("[") && part.endsWith("]")) return part.replace(/^\[!/, "[^").replaceAll("\\", "\\\\");
    return change(part).replaceAll(/[.+^${}()|\\[\]]/g, "\\$&").replaceAll("*", ".*").replaceAll("?", ".");
  });
  return new RegExp(`^${source.join("")}$`, "s");
}
