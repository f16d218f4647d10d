import { existsSync, readFileSync } from "node:fs";

/** The Debian mirror that this machine's apt uses, undefined when it uses none; sources.list(5) in both of its formats. */
export function debianMirror() {
  for (const file of ["/etc/apt/sources.list.d/debian.sources", "/etc/apt/sources.list"]) {
    if (!existsSync(file)) continue;
    const found = /^(?:URIs:\s*|deb\s+(?:\[.*?\]\s+)?)(\S+)/m.exec(readFileSync(file, "utf8"))?.[1];
    if (found !== undefined) return found;
  }
  return undefined;
}
