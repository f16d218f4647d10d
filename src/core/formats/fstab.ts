/** One line of an fstab. */
export interface FstabEntry {
  /** From 1. */
  lineNumber: number;
  /** As mount(8) takes it, without quotes: `UUID=…`, `/dev/vg0/usr`, `tmpfs`. */
  source: string;
  /** Where: an absolute path, `none` for what is not mounted. */
  target: string;
  fstype: string;
  /** Without `defaults`. */
  options: string[];
  /** When fsck checks it, 0 for never. */
  passNumber: number;
}

/** The entries, and a sentence for each line that is none. */
export interface Fstab {
  entries: FstabEntry[];
  problems: string[];
}

/** Nobody has so many; what lies behind them is not looked at. */
const MOST_LINES = 1000;

/**
 * Reads fstab(5). Any text gives something: a line that can't be used becomes a problem, as it does for mount(8), and hides
 * no other. Blanks separate the fields; `\040` and the like stand for a byte, as in getmntent(3).
 */
export function parseFstab(text: string): Fstab {
  const lines = text.split("\n");
  const fstab: Fstab = { entries: [], problems: [] };
  for (const [index, line] of lines.slice(0, MOST_LINES).entries()) {
    const trimmed = trimBlanks(line);
    if (trimmed === "" || trimmed.startsWith("#")) continue;
    const entry = parseLine(trimmed, index + 1);
    if (typeof entry === "string") fstab.problems.push(`line ${index + 1}: ${entry}`);
    else fstab.entries.push(entry);
  }
  if (lines.length > MOST_LINES) fstab.problems.push(`only the first ${MOST_LINES} lines were read`);
  return fstab;
}

/** A fstab that reads as the same entries. */
export function formatFstab(entries: FstabEntry[]): string {
  return entries.map(({ source, target, fstype, options, passNumber }) =>
    `${[source, target, fstype, options.join(",") || "defaults"].map(escape).join(" ")} 0 ${passNumber}\n`).join("");
}

/** A pattern for the end would look for it again behind each of a million blanks. */
function trimBlanks(line: string): string {
  let end = line.length;
  while (end > 0 && " \t\r".includes(line[end - 1]!)) end--;
  return line.slice(0, end).replace(/^[ \t]+/, "");
}

function parseLine(line: string, lineNumber: number): FstabEntry | string {
  const fields = line.split(/[ \t]+/);
  const [source, target, fstype, options = "defaults"] = fields.slice(0, 4).map(unescape);
  const passNumber = fields[5] ?? "0";
  if (source === undefined || target === undefined || fstype === undefined) return `${fields.length} field${fields.length === 1 ? "" : "s"}, a line has at least 3`;
  if ([source, target, fstype, options].some((field) => field === "" || /[\u0000-\u0008\u000a-\u001f\u007f]/.test(field))) return "a field is empty or holds a control character";
  if (target !== "none" && target !== "swap" && !target.startsWith("/")) return "its directory is no absolute path";
  return {
    lineNumber,
    source: source.replace(/^([A-Z]+=|)"(.*)"$/, "$1$2"),
    target,
    fstype,
    options: options.split(",").filter((option) => option !== "" && option !== "defaults"),
    passNumber: /^\d{1,3}$/.test(passNumber) ? Number(passNumber) : 0,
  };
}

/** `\ooo` for a byte, of what may be UTF-8. */
function unescape(field: string): string {
  const parts = field.split(/\\([0-3][0-7]{2})/);
  if (parts.length === 1) return field;
  return Buffer.concat(parts.map((part, index) => (index % 2 === 1 ? Buffer.from([parseInt(part, 8)]) : Buffer.from(part)))).toString("utf8");
}

function escape(field: string): string {
  return field.replace(/[ \t\n\\]/g, (character) => `\\${character.charCodeAt(0).toString(8).padStart(3, "0")}`);
}
