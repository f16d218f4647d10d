import { constants, renameSync } from "node:fs";
import { mkdir, open } from "node:fs/promises";
import { resolve } from "node:path";
import type { Source } from "../../core/binary/source.ts";
import { MkinitrdError } from "../../core/errors.ts";
import { formatSize } from "../../core/volumes/describe.ts";
import { describeIoError } from "../read-text.ts";
import { checkReplaceable } from "../replace.ts";
import { withTemporary } from "../temporary.ts";
import { type Copied, copySource } from "./copy.ts";
import { checkPart, dropFilled, keepFilled, resumePoint } from "./resume.ts";

export interface DumpOptions {
  /** Zeros in the place of what can't be read. */
  fill: boolean;
  sha256: boolean;
  /** Keeps what an ended dump has written, and goes on with that of an earlier one. */
  resume: boolean;
  progress(text: string): void;
}

export interface Dumped extends Copied {
  file: string;
  bytes: number;
  seconds: number;
  /** Where a resumed dump went on. */
  fromBytes: number;
}

const REPORT_MS = 500;

/**
 * Writes a volume to `output`, as a sparse file. It grows as OUTPUT.part and gets its name when it is whole: whatever ends it before,
 * nothing stands there that looks like a dump and is none.
 */
export async function dumpVolume(source: Source, output: string, { fill, progress, resume, sha256 }: DumpOptions): Promise<Dumped> {
  const target = resolve(output);
  checkReplaceable(target, "writing the dump");
  const part = partOf(target);
  checkReplaceable(part, "writing the dump");
  const started = performance.now();
  const point = resume ? resumePoint(part, source) : { fromBytes: 0, filled: [] };
  const { fromBytes } = point;
  const report = reporter(source, fromBytes, started, progress);
  const write = async (): Promise<Copied> => {
    const file = await open(part, fromBytes > 0 ? constants.O_RDWR : constants.O_RDWR | constants.O_CREAT | constants.O_TRUNC, 0o600).catch((cause: unknown) => { throw writeError(part, cause); });
    try {
      if (fromBytes === 0) dropFilled(part); // that of a part that is begun anew
      await checkPart(part, file, source, point);
      if (fromBytes > 0) await file.truncate(fromBytes);
      const copied = await copySource(source, file, { fill, fromBytes, filled: point.filled, sha256, progress: report, onFilled: (ranges) => keepFilled(part, ranges) });
      await file.sync();
      return copied;
    } catch (cause) {
      throw cause instanceof MkinitrdError ? cause : writeError(part, cause);
    } finally {
      await file.close();
    }
  };
  const finish = async (): Promise<Copied> => {
    const done = await write();
    giveName(part, target);
    return done;
  };
  const copied = resume ? await finish() : await withTemporary(part, finish).finally(() => dropFilled(part));
  if (resume) dropFilled(part);
  return { ...copied, file: output, bytes: source.sizeBytes, fromBytes, seconds: (performance.now() - started) / 1000 };
}

function giveName(part: string, target: string): void {
  try {
    renameSync(part, target);
  } catch (cause) {
    throw writeError(target, cause);
  }
}

/** Where a dump grows. */
export function partOf(output: string): string {
  return `${output}.part`;
}

/** A directory for dumps, made when it is missing. */
export async function makeDumpDirectory(path: string): Promise<void> {
  await mkdir(path, { recursive: true }).catch((cause: unknown) => {
    throw new MkinitrdError({ tried: "making the directory", on: path, found: describeIoError(cause), cause });
  });
}

/** `1.2 GiB of 8 GiB, 410 MiB/s, 17 s left` */
function reporter(source: Source, fromBytes: number, started: number, progress: (text: string) => void): (doneBytes: number) => void {
  let last = started;
  return (doneBytes) => {
    const now = performance.now();
    if (now - last < REPORT_MS) return;
    last = now;
    const perSecond = (doneBytes - fromBytes) / ((now - started) / 1000);
    progress(`${source.name}: ${formatSize(doneBytes)} of ${formatSize(source.sizeBytes)}, ${formatSize(perSecond)}/s, ${Math.ceil((source.sizeBytes - doneBytes) / perSecond)} s left`);
  };
}

function writeError(file: string, cause: unknown): MkinitrdError {
  return new MkinitrdError({ tried: "writing the dump", on: file, found: describeIoError(cause), next: "make room, or choose another place: -o FILE", cause });
}
