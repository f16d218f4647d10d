import { mkdtemp, open, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { explain } from "../../core/errors.ts";
import { cacheError, isFull, makeCacheDirectory } from "../cache.ts";
import { openFileMemo, type FileMemo } from "../file-memo.ts";
import { withTemporary } from "../temporary.ts";
import { hashFile } from "./hash.ts";
import { isKept, keepFile } from "./kept-file.ts";
import { startedHere, type Launcher } from "./launch.ts";
import { findDifference } from "./runtime-self-test.ts";
import { TRIM_VERSION, trimNode } from "./runtime-trim.ts";

export interface TrimRequest {
  /** Path of the Node binary that is to run in the image. */
  nodeBinary: string;
  /** Where trimmed binaries are kept, one folder for each: CACHE/runtime. */
  cacheDirectory: string;
  /** Remembers the binary's hash; one of our own in the cache directory when absent. */
  memo?: FileMemo;
  /** How it runs on this machine; as any program when absent. */
  launch?: Launcher;
}

export interface TrimmedNode {
  /** The file to pack. */
  file: string;
  trimmed: boolean;
  /** Why it is not trimmed, for the person who builds. */
  note?: string;
}

/**
 * Node's binary without symbols and without data that an early boot never reads. It is packed only after it did, in a
 * self-test, what the original does; on any doubt the original is given, with a note. Throws over the trimming only when the cache is full.
 */
export async function trimmedNode(request: TrimRequest): Promise<TrimmedNode> {
  const memo = request.memo ?? openFileMemo(join(request.cacheDirectory, "memo.json"));
  const hash = await memo.get(request.nodeBinary, "sha256", () => hashFile(request.nodeBinary));
  const file = join(request.cacheDirectory, `${hash.slice(0, 32)}-${TRIM_VERSION}`, "node");
  const kept = await isKept(file, memo);
  if (request.memo === undefined) memo.save();
  if (kept) return { file, trimmed: true };
  try {
    const difference = await makeTrimmed(request, file);
    return difference === undefined ? { file, trimmed: true } : untrimmed(request, difference);
  } catch (error) {
    if (isFull(error)) throw cacheError(request.cacheDirectory, error);
    return untrimmed(request, explain(error).split("\n")[0]!);
  }
}

/** Makes the tested binary, or gives what is wrong with that. */
async function makeTrimmed({ nodeBinary, cacheDirectory, launch = startedHere }: TrimRequest, file: string): Promise<string | undefined> {
  const bytes = await trimNode(await readFile(nodeBinary));
  makeCacheDirectory(dirname(file));
  const aside = await mkdtemp(join(cacheDirectory, ".new-"));
  return withTemporary(aside, async () => {
    await writeSynced(join(aside, "node"), bytes);
    const difference = await findDifference(nodeBinary, join(aside, "node"), launch);
    if (difference === undefined) keepFile(join(aside, "node"), file);
    return difference;
  });
}

async function writeSynced(path: string, bytes: Buffer): Promise<void> {
  const file = await open(path, "wx", 0o755);
  try {
    await file.writeFile(bytes);
    await file.sync();
  } finally {
    await file.close();
  }
}

function untrimmed({ nodeBinary }: TrimRequest, reason: string): TrimmedNode {
  return { file: nodeBinary, trimmed: false, note: `the runtime is packed whole: ${reason}` };
}
