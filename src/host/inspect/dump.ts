import { closeSync, constants, linkSync, openSync, renameSync, rmSync } from "node:fs";
import { type FileHandle, mkdir, open } from "node:fs/promises";
import { resolve } from "node:path";
import type { Source } from "../../core/binary/source.ts";
import { MkinitrdError } from "../../core/errors.ts";
import { formatSize } from "../../core/volumes/describe.ts";
import { describeIoError } from "../read-text.ts";
import { checkReplaceable } from "../replace.ts";
import { withTemporary } from "../temporary.ts";
import { type Copied, copySource } from "./copy.ts";
import { withPartLock } from "./part-lock.ts";
import { checkPart, dropFilled, keepFilled, resumePoint } from "./resume.ts";

export interface DumpOptions {
  /** Zeros in the place of what can't be read. */
  fill: boolean;
  sha256: boolean;
  /** Keeps what an ended dump has written, and goes on with that of an earlier one. */
  resume: boolean;
  /** Replaces files that stand in its place, also those that are made while it runs. */
  force?: boolean;
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
/** So many names are tried for a dump whose own has been taken. */
const MOST_NAMES = 99;
/** What link(2) says where there are no hard links. */
const NO_LINKS = ["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EXDEV"];

/**
 * Writes a volume to `output`, as a sparse file. It grows as OUTPUT.part and gets its name when it is whole: whatever ends it before,
 * nothing stands there that looks like a dump and is none.
 */
export async function dumpVolume(source: Source, output: string, options: DumpOptions): Promise<Dumped> {
  const target = resolve(output);
  checkReplaceable(target, "writing the dump");
  const part = partOf(target);
  checkReplaceable(part, "writing the dump");
  return withPartLock(part, () => dumpTo(source, { output, part, target }, options));
}

interface Places {
  /** As the person named it. */
  output: string;
  target: string;
  part: string;
}

async function dumpTo(source: Source, { output, part, target }: Places, { fill, force = false, progress, resume, sha256 }: DumpOptions): Promise<Dumped> {
  const started = performance.now();
  const point = resume ? resumePoint(part, source) : { fromBytes: 0, filled: [] };
  const { fromBytes } = point;
  const report = reporter(source, fromBytes, started, progress);
  const file = await openPart(part, fromBytes, force || resume);
  const write = async (): Promise<Copied> => {
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
    giveName(part, target, force);
    return done;
  };
  const copied = resume ? await finish() : await withTemporary(part, finish).finally(() => dropFilled(part));
  if (resume) dropFilled(part);
  return { ...copied, file: output, bytes: source.sizeBytes, fromBytes, seconds: (performance.now() - started) / 1000 };
}

/** Of what stands there only a part that is gone on with, or is to be replaced, is written to. */
function openPart(part: string, fromBytes: number, replaces: boolean): Promise<FileHandle> {
  const { O_CREAT, O_EXCL, O_RDWR, O_TRUNC } = constants;
  return open(part, O_RDWR | (fromBytes > 0 ? 0 : O_CREAT | (replaces ? O_TRUNC : O_EXCL)), 0o600).catch((cause: unknown) => { throw writeError(part, cause); });
}

/** The part gets its name. A file that somebody has made meanwhile stays, unless it is to be replaced: a link, unlike a rename, replaces nothing. */
function giveName(part: string, target: string, force: boolean): void {
  try {
    if (force) return renameSync(part, target);
    const name = freeName(part, target);
    rmSync(part, { force: true });
    if (name !== target) throw new MkinitrdError({ tried: "writing the dump", on: target, found: `something of this name was made meanwhile, and stays; the dump is whole, and is called ${name}`, next: "name it as you like" });
  } catch (cause) {
    throw cause instanceof MkinitrdError ? cause : writeError(target, cause);
  }
}

/** The target, or the first of TARGET.1, TARGET.2 … that is free, which the part now has, too. */
function freeName(part: string, target: string): string {
  for (let number = 0; ; number++) {
    const name = number === 0 ? target : `${target}.${number}`;
    try {
      linkOrMove(part, name);
      return name;
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code !== "EEXIST" || number === MOST_NAMES) throw cause;
    }
  }
}

function linkOrMove(part: string, name: string): void {
  try {
    linkSync(part, name);
  } catch (cause) {
    if (!NO_LINKS.includes((cause as NodeJS.ErrnoException).code ?? "")) throw cause;
    closeSync(openSync(name, "wx", 0o600)); // a filesystem without links, as FAT is: from here on the name is ours
    renameSync(part, name);
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
