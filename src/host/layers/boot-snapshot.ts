import { copyFile, mkdtemp, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { explain, MkinitrdError } from "../../core/errors.ts";
import { cacheError, isFull, makeCacheDirectory } from "../cache.ts";
import type { FileMemo } from "../file-memo.ts";
import { withTemporary } from "../temporary.ts";
import { hashFile, sha256 } from "./hash.ts";
import { isKept, keepFile } from "./kept-file.ts";
import { execLaunched, startedHere, type Launcher } from "./launch.ts";
import { markUsed } from "./prune.ts";
import { dropCodeCache } from "./snapshot-code-cache.ts";

/** Changes when the same program is kept in another way. */
const SNAPSHOT_VERSION = 3;
const TIMEOUT_MS = 120_000; // it takes a second on an idle machine

/** What the boot program prints when it was started as `self-test` (src/boot/self-test.ts) and all went well. */
const SELF_TEST_PASSED = "self-test: done";

export interface SnapshotRequest {
  /** The Node binary that runs in the image: no other one takes the snapshot. */
  nodeBinary: string;
  /** The boot program, one CommonJS file. */
  program: string;
  /** Where snapshots are kept: CACHE/snapshots. */
  cacheDirectory: string;
  memo: FileMemo;
  /** How the binary runs on this machine; as any program when absent. */
  launch?: Launcher;
}

export interface BootSnapshot {
  /** The file to pack; absent when it is not to be trusted. */
  file?: string;
  /** Why there is none, for the person who builds. */
  note?: string;
}

/**
 * Node's heap with the boot program loaded, which a boot starts from instead of loading the program. It is given only
 * after it passed a self-test; without it the boot takes longer. Throws over the snapshot itself only when the cache is full.
 */
export async function bootSnapshot(request: SnapshotRequest): Promise<BootSnapshot> {
  const { nodeBinary, program, cacheDirectory, memo } = request;
  const hashes = await Promise.all([nodeBinary, program].map((file) => memo.get(file, "sha256", () => hashFile(file))));
  const file = join(cacheDirectory, `${sha256([SNAPSHOT_VERSION, ...hashes].join("\n")).slice(0, 32)}.blob`);
  if (await isKept(file, memo)) {
    markUsed(file);
    return { file };
  }
  makeCacheDirectory(cacheDirectory);
  try {
    const aside = await mkdtemp(join(cacheDirectory, ".new-"));
    await withTemporary(aside, async () => keepFile(await (request.launch ?? startedHere)((words) => makeTested(request, words, aside)), file));
    return { file };
  } catch (error) {
    if (isFull(error)) throw cacheError(cacheDirectory, error);
    return { note: `the boot starts without a snapshot: ${explain(error).split("\n")[0]!}` };
  }
}

/** Makes the snapshot in `folder`, and starts it once. */
async function makeTested({ nodeBinary, program }: SnapshotRequest, words: string[], folder: string): Promise<string> {
  await copyFile(program, join(folder, "boot.cjs"));
  // With a code cache the heap keeps what V8 has compiled while it was loaded. The code cache itself does not stay.
  await writeFile(join(folder, "config.json"), JSON.stringify({ builder: "/proc/self/cwd/boot.cjs", withoutCodeCache: false }));
  // Nothing of this machine gets in: no path, no environment, and no seed that would make each snapshot another one.
  const options = { env: { TERM: "linux", NODE_ENV: "production" }, cwd: folder, timeoutMs: TIMEOUT_MS };
  await execLaunched(words, nodeBinary, ["--no-warnings", "--random-seed=1", "--snapshot-blob", "whole.blob", "--build-snapshot-config", "config.json"], options);
  await writeFile(join(folder, "boot.blob"), dropCodeCache(await readFile(join(folder, "whole.blob"))));
  const { stdout } = await execLaunched(words, nodeBinary, ["--snapshot-blob", "boot.blob", "boot.cjs", "self-test", ...words], options);
  if (stdout.includes(SELF_TEST_PASSED)) return join(folder, "boot.blob");
  throw new MkinitrdError({ tried: "starting the boot program from its snapshot", on: program, found: "its self-test ended early" });
}
