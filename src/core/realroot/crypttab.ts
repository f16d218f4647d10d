import { parseCryptOptions } from "../crypt/options.ts";
import { explain } from "../errors.ts";
import { quote } from "../quote.ts";
import { readOptions } from "./crypttab-entry.ts";
import { splitOptions } from "./crypttab-options.ts";
import { formatStage, optionKeys, parseStage } from "./stage.ts";
import type { KindTable, Stage } from "./types.ts";

/** A volume that /etc/crypttab describes. */
export interface CrypttabEntry {
  /** Opens it, under the name that it has in the running system, and mounts nothing. */
  stage: Stage;
  /** What it is when the device has no LUKS header and no option says its type, as in the lineage: a TrueCrypt volume. */
  otherwise?: Stage;
  /** Meant for the early boot: `initramfs`, `x-initrd.attach`. */
  early: boolean;
  /** `noauto`: only when its mapping is named. */
  manual: boolean;
}

export interface Crypttab {
  entries: CrypttabEntry[];
  /** What can't be used, with its line number and the reason. */
  warnings: string[];
}

const MOST_LINES = 1000;
/** A key that is made anew at each boot: what it opens is made anew, too, and holds nothing that a boot needs. */
const RANDOM_KEYS = ["/dev/urandom", "/dev/random", "/dev/hwrng"];

/**
 * Reads an /etc/crypttab of Debian's (crypttab(5) of cryptsetup), systemd's (crypttab(5)) or the lineage's (DragonFly's
 * cryptdisks(8)): name, device, key file and options, one volume a line. Any text is read; what can't be used is a warning.
 */
export function parseCrypttab(text: string, kinds: KindTable): Crypttab {
  const entries: CrypttabEntry[] = [];
  const warnings: string[] = [];
  const lines = text.split("\n");
  if (lines.length > MOST_LINES) warnings.push(`more than ${MOST_LINES} lines: the rest is left out`);
  lines.slice(0, MOST_LINES).forEach((line, index) => {
    const fields = splitFields(line);
    const warn = (reason: string) => void warnings.push(`line ${index + 1}: ${reason}`);
    if (fields.length === 0) return;
    if (fields.length < 2) return warn(`${quote(fields[0] ?? "")} alone; expected a name, a device, a key file and options`);
    const entry = readEntry(fields, kinds, warn);
    if (entry === undefined) return;
    if (entries.some(({ stage }) => stage.name === entry.stage.name)) return warn(`${quote(entry.stage.name ?? "")} is there twice, the first counts`);
    entries.push(entry);
  });
  return { entries, warnings };
}

/** Blanks separate; a field in double quotes holds blanks (the lineage's), `\040` is a blank (Debian's). `#` begins a comment line. */
function splitFields(line: string): string[] {
  const trimmed = line.trim();
  if (trimmed === "" || trimmed.startsWith("#")) return [];
  return (trimmed.match(/"[^"]*"|\S+/g) ?? []).map((field) => {
    const plain = /^".*"$/.test(field) ? field.slice(1, -1) : field;
    return plain.replace(/(?:\\[0-3][0-7]{2})+/g, (octal) => Buffer.from(octal.split("\\").slice(1).map((digits) => parseInt(digits, 8))).toString());
  });
}

function readEntry([name = "", source = "", key = "", optionText = ""]: string[], kinds: KindTable, warn: (reason: string) => void): CrypttabEntry | undefined {
  const given = splitOptions(optionText);
  const has = (...options: string[]) => options.some((option) => given.has(option));
  if (has("swap", "tmp") || RANDOM_KEYS.includes(key)) return undefined;
  const read = readOptions(given, key, kinds["crypt"] === undefined ? [] : optionKeys(kinds["crypt"]));
  if ("reason" in read) return void warn(`${quote(name)} can't be opened here: ${read.reason}`);
  for (const reason of read.warnings) warn(`${quote(name)}: ${reason}`);
  const device = source.replace(/^ID=/, "/dev/disk/by-id/");
  if (device.startsWith("/") && !device.startsWith("/dev/")) return void warn(`${quote(name)} lies in the file ${quote(device)}, which is no device`);
  const stage: Stage = { kind: read.kind, fstype: "none", device, name, options: read.options, mountOptions: [] };
  const checked = checkStage(stage, kinds);
  if ("reason" in checked) return void warn(`${quote(name)} can't be opened here: ${checked.reason}`);
  const isUntyped = checked.kind === "crypt" && !has("luks", "plain", "cipher", "header") && kinds["tcplay"] !== undefined;
  const { keyfile } = checked.options;
  const otherwise = isUntyped ? checkStage({ ...checked, kind: "tcplay", options: keyfile === undefined ? {} : { keyfile } }, kinds) : undefined;
  return { stage: checked, ...(otherwise === undefined || "reason" in otherwise ? {} : { otherwise }), early: has("initramfs", "x-initrd.attach"), manual: has("noauto") };
}

/** A stage that the grammar of specs would read as well, with options in range. */
function checkStage(stage: Stage, kinds: KindTable): Stage | { reason: string } {
  if (stage.name === "") return { reason: "its name is empty" };
  try {
    const checked = parseStage(formatStage(stage, kinds), kinds);
    const parsed = stage.kind === "crypt" ? parseCryptOptions(checked.options) : undefined;
    return parsed !== undefined && "reason" in parsed ? { reason: `${parsed.key}: ${parsed.reason}` } : checked;
  } catch (error) {
    return { reason: explain(error).split("\n")[0]! };
  }
}
