import { SECTOR_BYTES } from "../binary/source.ts";
import { MkinitrdError } from "../errors.ts";
import type { Luks2Metadata, Luks2Segment } from "./luks2-metadata.ts";

/** Length of the binary header in front of each JSON area. LUKS2 On-Disk Format Specification 1.1.4, section 2.1. */
export const BINARY_HEADER_BYTES = 4096;
const KEYSLOTS_ALIGNMENT_BYTES = 4096;
const KEYSLOTS_MAX_BYTES = 128 * 1024 * 1024;

/**
 * Checks what the objects of LUKS2 metadata say of each other: references, areas, segments. The rules are those of
 * cryptsetup (lib/luks2/luks2_json_metadata.c). `jsonAreaBytes` is how long the binary header makes the JSON area.
 */
export function checkMetadata(metadata: Luks2Metadata, jsonAreaBytes: number, on: string): void {
  const found =
    configProblem(metadata, jsonAreaBytes) ?? referenceProblem(metadata) ?? segmentProblem(metadata.segments) ??
    assignmentProblem(metadata) ?? areaProblem(metadata) ?? reencryptionProblem(metadata);
  if (found !== undefined) throw new MkinitrdError({ tried: "checking the LUKS2 metadata", on, found });
}

function configProblem({ config, segments }: Luks2Metadata, jsonAreaBytes: number): string | undefined {
  const { jsonBytes, keyslotsBytes } = config;
  if (jsonBytes !== jsonAreaBytes) return `the JSON area has ${jsonAreaBytes} bytes, json_size says ${jsonBytes}`;
  if (keyslotsBytes % KEYSLOTS_ALIGNMENT_BYTES !== 0 || keyslotsBytes > KEYSLOTS_MAX_BYTES) {
    return `the keyslots area has ${keyslotsBytes} bytes, it must be a multiple of 4096, up to ${KEYSLOTS_MAX_BYTES}`;
  }
  const starts = segments.filter((segment) => !isBackup(segment)).map(({ offsetBytes }) => offsetBytes);
  const firstStart = starts.reduce((least, start) => (start < least ? start : least), starts[0] ?? 0n);
  const end = keyslotsEnd(config);
  if (firstStart === 0n || firstStart >= BigInt(end)) return undefined; // 0: a detached header
  return `header and keyslots end at byte ${end}, the first segment begins at byte ${firstStart}`;
}

const keyslotsEnd = ({ jsonBytes, keyslotsBytes }: Luks2Metadata["config"]): number =>
  2 * (BINARY_HEADER_BYTES + jsonBytes) + keyslotsBytes;

function referenceProblem({ keyslots, segments, digests, tokens }: Luks2Metadata): string | undefined {
  const known = { keyslot: numbers(keyslots), segment: numbers(segments) };
  const holders = [
    ...digests.map((digest) => ({ ...digest, name: `digest ${digest.number}` })),
    ...tokens.map((token) => ({ ...token, segments: [], name: `token ${token.number}` })),
  ];
  for (const holder of holders) {
    const keyslot = holder.keyslots.find((number) => !known.keyslot.has(number));
    if (keyslot !== undefined) return `${holder.name} names keyslot ${keyslot}, which is not there`;
    const segment = holder.segments.find((number) => !known.segment.has(number));
    if (segment !== undefined) return `${holder.name} names segment ${segment}, which is not there`;
  }
  return undefined;
}

const numbers = (objects: { number: number }[]): Set<number> => new Set(objects.map(({ number }) => number));

const isBackup = ({ flags }: Luks2Segment): boolean => flags.some((flag) => flag.startsWith("backup-"));

/** Segments are numbered without a gap, regular ones first, and those don't overlap; only the last may be dynamic. */
function segmentProblem(segments: Luks2Segment[]): string | undefined {
  const sorted = segments.toSorted((a, b) => a.number - b.number);
  const regular = sorted.filter((segment) => !isBackup(segment));
  if (regular.length === 0) return "there is no segment that holds data";
  for (const [index, segment] of sorted.entries()) {
    if (segment.number !== index) return `segment ${index} is missing before segment ${segment.number}`;
    if (isBackup(segment) !== index >= regular.length) return `segment ${index} stands among the backup segments`;
    const problem = alignmentProblem(segment);
    if (problem !== undefined) return `segment ${index} ${problem}`;
  }
  const dynamic = regular.find(({ sizeBytes }, index) => sizeBytes === "dynamic" && index < regular.length - 1);
  if (dynamic !== undefined) return `segment ${dynamic.number} is dynamic, and not the last one`;
  return overlapProblem("segments", regular.map(({ number, offsetBytes, sizeBytes }) => ({
    number,
    start: offsetBytes,
    end: sizeBytes === "dynamic" ? 1n << 64n : offsetBytes + sizeBytes,
  })));
}

function alignmentProblem({ type, offsetBytes, sizeBytes, crypt }: Luks2Segment): string | undefined {
  const size = sizeBytes === "dynamic" ? 0n : sizeBytes;
  if (offsetBytes % BigInt(SECTOR_BYTES) !== 0n) return `begins at byte ${offsetBytes}, inside a sector`;
  if (size % BigInt(crypt?.sectorBytes ?? SECTOR_BYTES) !== 0n) return `has ${size} bytes, no whole number of its sectors`;
  return type.startsWith("hw-opal") && sizeBytes === "dynamic" ? `is of type ${type}, and has no size` : undefined;
}

interface Interval {
  number: number;
  start: bigint;
  end: bigint;
}

function overlapProblem(what: string, intervals: Interval[]): string | undefined {
  const sorted = intervals.toSorted((a, b) => (a.start < b.start ? -1 : a.start > b.start ? 1 : 0));
  for (const [index, { number, start }] of sorted.entries()) {
    const before = sorted[index - 1];
    if (before !== undefined && start < before.end) return `${what} ${before.number} and ${number} overlap at byte ${start}`;
  }
  return undefined;
}

/** Every crypt segment has a digest, and every keyslot of type luks2 exactly one. */
function assignmentProblem({ keyslots, segments, digests }: Luks2Metadata): string | undefined {
  const proven = new Set(digests.flatMap((digest) => digest.segments));
  const bare = segments.find(({ number, crypt }) => crypt !== undefined && !proven.has(number));
  if (bare !== undefined) return `segment ${bare.number} has no digest`;
  const counts = new Map<number, number>();
  for (const number of digests.flatMap((digest) => [...new Set(digest.keyslots)])) counts.set(number, (counts.get(number) ?? 0) + 1);
  const wrong = keyslots.find(({ number, type }) => type === "luks2" && counts.get(number) !== 1);
  return wrong === undefined ? undefined : `keyslot ${wrong.number} has ${counts.get(wrong.number) ?? 0} digests, it must be one`;
}

/** Keyslot areas lie between the headers and the end of the keyslots area, and don't overlap. */
function areaProblem({ keyslots, config }: Luks2Metadata): string | undefined {
  const start = 2 * (BINARY_HEADER_BYTES + config.jsonBytes);
  const end = keyslotsEnd(config);
  for (const { number, area } of keyslots) {
    const areaEnd = area.offsetBytes + area.sizeBytes;
    if (area.sizeBytes > 0 && area.offsetBytes >= start && areaEnd <= end) continue;
    return `keyslot ${number} has its area at bytes ${area.offsetBytes} to ${areaEnd}, the keyslots area is at ${start} to ${end}`;
  }
  return overlapProblem("the areas of keyslots", keyslots.map(({ number, area }) => ({
    number,
    start: BigInt(area.offsetBytes),
    end: BigInt(area.offsetBytes + area.sizeBytes),
  })));
}

/** A reencryption keyslot and the requirement that announces it go together, and there is one of each at most. */
function reencryptionProblem({ keyslots, config }: Luks2Metadata): string | undefined {
  const slots = keyslots.filter(({ type }) => type === "reencrypt").length;
  const announced = config.requirements.filter((name) => /^online-reencrypt(-v[0-9]+)?$/.test(name)).length;
  if (announced > 1) return `${announced} requirements announce a reencryption`;
  if (slots > 1) return `${slots} keyslots are of a reencryption`;
  if (slots === 1 && announced === 0) return "a reencryption keyslot, and no requirement that announces it";
  return undefined;
}
