import { moduleName } from "./module-index.ts";
import type { ModprobeLine } from "./modprobe-config.ts";
import type { Entry } from "./types.ts";

/** Where the image's modprobe, which is busybox's, reads it. */
export const MODPROBE_CONFIG_PATH = "etc/modprobe.d/mkinitrd.conf";

/**
 * The options, blacklist and alias lines of modprobe.d that are about packed modules, as one file; none where there are none.
 * What softdeps and weakdeps name is packed; an install line with a command of its own is not carried out, which a note says.
 */
export function modprobeEntry(lines: readonly ModprobeLine[], packed: ReadonlySet<string>): { entries: Entry[]; notes: string[] } {
  const isAbout = ({ keyword, subject, rest }: ModprobeLine) => {
    if (keyword === "options" || keyword === "blacklist") return packed.has(moduleName(subject));
    return keyword === "alias" && packed.has(moduleName(rest));
  };
  const installs = lines.filter(({ keyword, subject }) => keyword === "install" && packed.has(moduleName(subject)));
  const notes = installs.map(({ subject, file }) => `the install line of ${subject} in ${file} is not carried out in the image: modprobe loads the module there`);
  const kept = lines.filter(isAbout);
  if (kept.length === 0) return { entries: [], notes };
  const text = kept.map(({ keyword, subject, rest }) => `${[keyword, subject, rest].join(" ").trimEnd()}\n`).join("");
  const files = [...new Set(kept.map(({ file }) => file))].join(" and ");
  return { entries: [{ path: MODPROBE_CONFIG_PATH, mode: 0o644, reason: `${files}, about packed modules`, type: "file", from: { bytes: Buffer.from(text) } }], notes };
}
