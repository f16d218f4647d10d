import { readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import type { FileHandle } from "node:fs/promises";
import type { Source } from "../../core/binary/source.ts";
import { MkinitrdError } from "../../core/errors.ts";
import { describeIoError } from "../read-text.ts";
import { readBack } from "./copy.ts";
import type { Unreadable } from "./unreadable.ts";

/** Resuming goes on at a multiple of this: the last piece may have been written in part. */
const RESUME_BYTES = 4 * 1024 * 1024;
/** So many samples of what is there are compared with the volume, and the last piece of it. */
const SAMPLES = 32;
const SAMPLE_BYTES = 64 * 1024;

/** Where a resumed dump goes on, and which ranges in front of that were filled with zeros. */
export interface ResumePoint {
  fromBytes: number;
  filled: Unreadable[];
}

/** Beside a part that is kept stands the list of the ranges that were filled. */
export const filledList = (part: string): string => `${part}.zeros`;

/** Where the dump that a part is of goes on. Throws when it has more than the volume, and when its list can't be read. */
export function resumePoint(part: string, source: Source): ResumePoint {
  const size = statSync(part, { throwIfNoEntry: false })?.size ?? 0;
  if (size > source.sizeBytes) throw anotherVolume(part, `it has ${size} bytes, ${source.name} has ${source.sizeBytes}`);
  const fromBytes = size - (size % RESUME_BYTES);
  return { fromBytes, filled: size === 0 ? [] : readFilled(part).flatMap((range) => inFront(range, fromBytes)) };
}

/** Keeps the list, before what it tells of is written. */
export function keepFilled(part: string, ranges: readonly Unreadable[]): void {
  try {
    const next = `${filledList(part)}.new`;
    writeFileSync(next, JSON.stringify(ranges), { mode: 0o600, flush: true });
    renameSync(next, filledList(part));
  } catch (cause) {
    throw new MkinitrdError({ tried: "writing the list of filled ranges", on: filledList(part), found: describeIoError(cause), cause });
  }
}

export function dropFilled(part: string): void {
  rmSync(filledList(part), { force: true });
}

/** Throws unless samples of the part have what the volume has there: it may be another one's, or the disk has changed since. */
export async function checkPart(part: string, file: FileHandle, source: Source, { filled, fromBytes }: ResumePoint): Promise<void> {
  const last = Math.max(0, fromBytes - SAMPLE_BYTES);
  const places = new Set([...Array.from({ length: SAMPLES }, (_, index) => Math.floor((last / SAMPLES) * index)), last]);
  for (const at of fromBytes === 0 ? [] : places) {
    const size = Math.min(SAMPLE_BYTES, fromBytes - at);
    if (filled.some((range) => touches(range, at, size))) continue;
    const wanted = await source.read(at, size).catch((error: unknown) => {
      if (error instanceof MkinitrdError) return undefined; // it could be read then
      throw error;
    });
    if (wanted !== undefined && !wanted.equals(await readBack(file, at, size))) throw anotherVolume(part, `what it has at bytes ${at} to ${at + size - 1} is not what ${source.name} has there`);
  }
}

function readFilled(part: string): Unreadable[] {
  try {
    const list = JSON.parse(readFileSync(filledList(part), "utf8")) as Unreadable[];
    if (Array.isArray(list) && list.every(({ lengthBytes, startBytes }) => Number.isSafeInteger(startBytes) && Number.isSafeInteger(lengthBytes))) return list;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
  }
  throw new MkinitrdError({ tried: "resuming the dump", on: filledList(part), found: "it is not the list of the ranges that were filled with zeros", next: `begin again: remove it, and ${part}` });
}

/** What of a range lies in front of a place; the rest is read once more. */
function inFront(range: Unreadable, fromBytes: number): Unreadable[] {
  const { everyBytes, lengthBytes, startBytes, times } = range;
  if (startBytes >= fromBytes) return [];
  if (times === undefined || everyBytes === undefined) return [{ ...range, lengthBytes: Math.min(lengthBytes, fromBytes - startBytes) }];
  return [{ ...range, times: Math.min(times, Math.ceil((fromBytes - startBytes) / everyBytes)) }];
}

function touches({ everyBytes = 0, lengthBytes, startBytes, times = 1 }: Unreadable, at: number, size: number): boolean {
  return startBytes < at + size && at < startBytes + (times - 1) * everyBytes + lengthBytes;
}

function anotherVolume(part: string, found: string): MkinitrdError {
  return new MkinitrdError({ tried: "resuming the dump", on: part, found: `${found}: it is of another volume, or the disk has changed since`, next: "begin again under another name: -o FILE" });
}
