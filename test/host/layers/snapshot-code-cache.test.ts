import { expect, test } from "vitest";
import { dropCodeCache } from "../../../src/host/layers/snapshot-code-cache.ts";

const u32 = (value: number) => Buffer.from(Uint32Array.of(value).buffer);
const u64 = (value: number) => Buffer.from(BigUint64Array.of(BigInt(value)).buffer);
const bytes = (text: string) => Buffer.concat([u64(text.length), Buffer.from(text)]);

/** Laid out as Node 26 does it; src/node_snapshotable.cc. */
const HEAD = Buffer.concat([u32(0x0143da19), Buffer.of(1), bytes("26.10.0"), bytes("x64"), bytes("linux"), u32(0)]);
const HEAP = Buffer.concat([u32(300), Buffer.alloc(300, 7)]);
const INDICES = Buffer.concat([u64(2), u32(5), u32(6), bytes("process"), Buffer.alloc(40, 0xff)]);
const CACHE = Buffer.concat([u64(2), bytes("internal/a"), bytes("code of a"), bytes("internal/b"), bytes("")]);

test("the list of compiled modules becomes a list of none, all before it stays", () => {
  const result = dropCodeCache(Buffer.concat([HEAD, HEAP, INDICES, CACHE]));
  expect(result.equals(Buffer.concat([HEAD, HEAP, INDICES, u64(0)]))).toBe(true);
});

test.each([
  { what: "nothing", snapshot: Buffer.alloc(0), found: /the version reaches past its end/ },
  { what: "a version of 2^64 - 1 bytes", snapshot: Buffer.concat([HEAD.subarray(0, 5), Buffer.alloc(40, 0xff)]), found: /the version reaches past its end/ },
  { what: "one that ends behind its flags", snapshot: HEAD, found: /it ends before V8's heap/ },
  { what: "one with a cut heap", snapshot: Buffer.concat([HEAD, HEAP.subarray(0, 100)]), found: /V8's heap reaches past its end/ },
  { what: "one with a byte too many", snapshot: Buffer.concat([HEAD, HEAP, INDICES, CACHE, Buffer.of(0)]), found: /no list of modules reaches to its end/ },
  { what: "one cut in a module", snapshot: Buffer.concat([HEAD, HEAP, INDICES, CACHE.subarray(0, 30)]), found: /no list of modules reaches to its end/ },
  { what: "one without a list", snapshot: Buffer.concat([HEAD, HEAP]), found: /no list of modules reaches to its end/ },
])("$what is refused", ({ snapshot, found }) => {
  expect(() => dropCodeCache(snapshot)).toThrow(found);
});
