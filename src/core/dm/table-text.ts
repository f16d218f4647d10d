import { MkinitrdError } from "../errors.ts";
import { quote } from "../quote.ts";
import { cacheLine, parseCache } from "./cache.ts";
import { cryptLine, parseCrypt } from "./crypt.ts";
import type { Span } from "./device.ts";
import { errorLine } from "./error.ts";
import { linearLine, parseLinear } from "./linear.ts";
import { mirrorLine, parseMirror } from "./mirror.ts";
import { parseRaid, raidLine } from "./raid.ts";
import { parseSnapshot, parseSnapshotOrigin, snapshotLine, snapshotOriginLine } from "./snapshot.ts";
import { parseStriped, stripedLine } from "./striped.ts";
import { TableWords } from "./table-words.ts";
import type { Resolve } from "./table-words.ts";
import type { Target } from "./table.ts";
import { parseThin, parseThinPool, thinLine, thinPoolLine } from "./thin.ts";
import { parseVerity, verityLine } from "./verity.ts";
import { parseWritecache, writecacheLine } from "./writecache.ts";
import { zeroLine } from "./zero.ts";

/** The table of one device. */
export interface NamedTable {
  /** As dmsetup prints it, with `\x20` for a space; absent in a table without a name. */
  name?: string;
  targets: Target[];
}

/** What dmsetup prints for a device without a table is a name and nothing. */
const LINE = /^(?:(?<name>\S+?):\s+)?(?<start>\d+)\s+(?<length>\d+)\s+(?<type>\S+)(?:\s+(?<rest>\S.*))?$/;
const EMPTY = /^(?<name>\S+):$/;

/**
 * Reads what `dmsetup table` prints, for one device or for all, or what `dmsetup create` takes. Lines that begin with # are
 * comments. `resolve` gives the device of a path or MAJOR:MINOR. Targets of a type that is not known are kept as they stand.
 * No error says a key. dmsetup(8).
 */
export function parseTable(text: string, resolve: Resolve): NamedTable[] {
  const tables = new Map<string | undefined, NamedTable>();
  for (const [index, raw] of text.split("\n").entries()) {
    const line = raw.trim();
    if (line === "" || line.startsWith("#") || line === "No devices found") continue;
    const { name, start, length, type, rest = "" } = (LINE.exec(line) ?? EMPTY.exec(line))?.groups ?? {};
    if (type === undefined && name === undefined) throw failure(index, "it is none: [NAME:] START LENGTH TARGET …");
    const table = tables.get(name) ?? { ...(name === undefined ? {} : { name }), targets: [] };
    tables.set(name, table);
    if (type === undefined) continue;
    const span = { startSector: sectors(index, start), lengthSectors: sectors(index, length) };
    table.targets.push(parseTarget(span, type, rest, resolve));
  }
  return [...tables.values()];
}

function parseTarget(span: Span, type: string, rest: string, resolve: Resolve): Target {
  const words = new TableWords(rest.split(/\s+/).filter((word) => word !== ""), `${span.startSector} ${span.lengthSectors} ${type}`, resolve);
  const target = parseKnown(span, type, words);
  if (target === undefined) return { type: "other", ...span, targetType: type, text: rest };
  words.end();
  return target;
}

function parseKnown(span: Span, type: string, words: TableWords): Target | undefined {
  switch (type) {
    case "linear": return { type, ...parseLinear(span, words) };
    case "striped": return { type, ...parseStriped(span, words) };
    case "zero": return { type, ...span };
    case "error": return { type, ...span };
    case "crypt": return { type, ...parseCrypt(span, words) };
    case "verity": return { type, ...parseVerity(span, words) };
    case "mirror": return { type, ...parseMirror(span, words) };
    case "raid": return { type, ...parseRaid(span, words) };
    case "snapshot":
    case "snapshot-merge": return { type, ...parseSnapshot(span, words) };
    case "snapshot-origin": return { type, ...parseSnapshotOrigin(span, words) };
    case "thin-pool": return { type, ...parseThinPool(span, words) };
    case "thin": return { type, ...parseThin(span, words) };
    case "cache": return { type, ...parseCache(span, words) };
    case "writecache": return { type, ...parseWritecache(span, words) };
    default: return undefined;
  }
}

/** How a table is printed. */
export interface TableFormat {
  /** Begins each line, as `dmsetup table` does when it prints all devices. */
  name?: string;
  /** The keys of crypt targets, which are zeros otherwise. */
  showKeys?: boolean;
}

/** The lines of a table, as `dmsetup table` prints them; without a name, `dmsetup create` takes them. */
export function tableLines(targets: Target[], { name, showKeys = false }: TableFormat = {}): string[] {
  return targets.map((target) => `${name === undefined ? "" : `${name}: `}${targetLine(target, showKeys)}`);
}

function targetLine(target: Target, showKeys: boolean): string {
  switch (target.type) {
    case "linear": return linearLine(target);
    case "striped": return stripedLine(target);
    case "zero": return zeroLine(target);
    case "error": return errorLine(target);
    case "crypt": return cryptLine(target, { showKeys });
    case "verity": return verityLine(target);
    case "mirror": return mirrorLine(target);
    case "raid": return raidLine(target);
    case "snapshot":
    case "snapshot-merge": return snapshotLine(target, target.type);
    case "snapshot-origin": return snapshotOriginLine(target);
    case "thin-pool": return thinPoolLine(target);
    case "thin": return thinLine(target);
    case "cache": return cacheLine(target);
    case "writecache": return writecacheLine(target);
    case "other": return `${target.startSector} ${target.lengthSectors} ${target.targetType}${target.text === "" ? "" : ` ${target.text}`}`;
  }
}

function sectors(index: number, digits = ""): number {
  const value = Number(digits);
  if (Number.isSafeInteger(value * 512)) return value;
  throw failure(index, `${quote(digits)} sectors are more than a device can have`);
}

function failure(index: number, found: string): MkinitrdError {
  return new MkinitrdError({ tried: "reading a device-mapper table", on: `line ${index + 1}`, found });
}
