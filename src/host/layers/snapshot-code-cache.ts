import { MkinitrdError } from "../../core/errors.ts";

const LENGTH_BYTES = 8;
/** More would be no list of Node's own modules; 26.10 has 441. */
const MODULES_MOST = 10_000;
/** Between V8's heap and the list lie a few indices, 15 KB in 26.10. */
const INDICES_BYTES_MOST = 1024 * 1024;

/**
 * A snapshot of Node's without its code cache: what V8 has compiled of all of Node's own modules, for those that a program
 * loads later. That is for one processor's features and one set of V8's options, and as large as the heap; without it V8
 * compiles such a module when it is loaded. What is compiled in the heap itself is bytecode, for any processor: Node's binary
 * carries a heap like that, too. Throws MkinitrdError for a snapshot that is laid out in another way.
 *
 * Layout: Node 26, src/node_snapshotable.cc, "Layout of the snapshot blob" and of SnapshotMetadata, v8::StartupData and
 * builtins::CodeCacheInfo. Lengths of strings and lists are 8 bytes, that of the heap is 4; all are little-endian.
 */
export function dropCodeCache(snapshot: Buffer): Buffer {
  const start = findCodeCache(snapshot, endOfHeap(snapshot));
  return Buffer.concat([snapshot.subarray(0, start), Buffer.alloc(LENGTH_BYTES)]); // a list of none
}

/** Behind magic number (4 bytes), type (1), version, architecture, platform, flags (4) and V8's heap. */
function endOfHeap(snapshot: Buffer): number {
  let at = 5;
  for (const what of ["version", "architecture", "platform"]) at = endOfBytes(snapshot, at) ?? fail(`the ${what} reaches past its end`);
  at += 4;
  if (at + 4 > snapshot.length) fail("it ends before V8's heap");
  const end = at + 4 + snapshot.readUInt32LE(at);
  return end > snapshot.length ? fail("V8's heap reaches past its end") : end;
}

/** The one place from which a list of modules reaches to the end of the file. */
function findCodeCache(snapshot: Buffer, from: number): number {
  const last = Math.min(from + INDICES_BYTES_MOST, snapshot.length - LENGTH_BYTES);
  for (let at = from; at <= last; at++) if (isCodeCache(snapshot, at)) return at;
  return fail("no list of modules reaches to its end");
}

/** A count, then name and code of each, up to the end of the file. */
function isCodeCache(snapshot: Buffer, start: number): boolean {
  const count = snapshot.readBigUInt64LE(start);
  if (count === 0n || count > MODULES_MOST) return false;
  let at: number | undefined = start + LENGTH_BYTES;
  for (let piece = 0; piece < 2 * Number(count) && at !== undefined; piece++) at = endOfBytes(snapshot, at);
  return at === snapshot.length;
}

/** Where the bytes end whose length stands at `at`; undefined when that is past the end of the file. */
function endOfBytes(snapshot: Buffer, at: number): number | undefined {
  if (at + LENGTH_BYTES > snapshot.length) return undefined;
  const length = snapshot.readBigUInt64LE(at);
  return length > BigInt(snapshot.length - at - LENGTH_BYTES) ? undefined : at + LENGTH_BYTES + Number(length);
}

function fail(found: string): never {
  throw new MkinitrdError({ tried: "taking the code cache out of Node's snapshot", on: "the snapshot", found });
}
