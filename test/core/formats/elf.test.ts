import { execFileSync, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { memorySource, type Source } from "../../../src/core/binary/source.ts";
import { MkinitrdError } from "../../../src/core/errors.ts";
import { decodeDlopenNotes } from "../../../src/core/formats/dlopen-notes.ts";
import { probeElf } from "../../../src/core/formats/elf.ts";
import { decodeModinfo } from "../../../src/core/formats/modinfo.ts";

const program = readFileSync("/bin/sh");
const hasReadelf = spawnSync("readelf", ["--version"]).status === 0;

describe.skipIf(!hasReadelf)("against readelf (skipped where readelf is missing)", () => {
  test("needed libraries, interpreter and sections are those that readelf lists", async () => {
    const elf = await probeElf(memorySource(program));
    const dynamic = execFileSync("readelf", ["-d", "-l", "-W", "/bin/sh"], { encoding: "utf8" });
    expect(elf?.needed).toEqual([...dynamic.matchAll(/\(NEEDED\).*\[(.*)\]/g)].map(([, name]) => name));
    expect(elf?.interpreter).toBe(/interpreter: (.*)\]/.exec(dynamic)?.[1]);
    const sections = execFileSync("readelf", ["-S", "-W", "/bin/sh"], { encoding: "utf8" });
    const named = [...sections.matchAll(/^\s+\[\s*\d+\] (\.\S+)/gm)].map(([, name]) => name);
    expect(elf?.sections.map(({ name }) => name).filter((name) => name !== "")).toEqual(named);
  });
});

describe("hostile files", () => {
  test.each([
    { what: "no magic", change: { at: 0, to: 0 }, result: undefined },
  ])("$what is no ELF file", async ({ change, result }) => {
    expect(await probeElf(changed(change.at, [change.to]))).toBe(result);
  });

  test.each([
    { what: "byte order", at: 5, to: [2], found: /byte order is 2/ },
    { what: "class", at: 4, to: [3], found: /class is 3/ },
    { what: "program header offset", at: 32, to: [0, 0, 0, 0, 0xff], found: /reading \d+ bytes at byte 1095216660480/ },
    { what: "program header size", at: 54, to: [8, 0], found: /entry of its ELF64 program headers has 8 bytes, not 56/ },
    { what: "section names", at: 62, to: [0xff, 0xff], found: /section 65535 of/ },
  ])("a changed $what is refused", async ({ at, to, found }) => {
    await expect(probeElf(changed(at, to))).rejects.toThrow(found);
  });

  test("a program cut short or with a changed byte gives a value or our error, and reads no more than it has", async () => {
    for (let length = 0; length < program.length; length += 997) await settles(memorySource(program.subarray(0, length)));
    for (let at = 0; at < 2000; at++) await settles(changed(at, [0xff]));
  });
});

test("dlopen notes give the preferred soname of each", () => {
  const text = '[{"soname":["libfido2.so.1","libfido2.so.0"],"priority":"required"},{"soname":["libx.so"]}]\0';
  expect(decodeDlopenNotes(note("FDO", text))).toEqual([{ soname: "libfido2.so.1", required: true }, { soname: "libx.so", required: false }]);
  expect(decodeDlopenNotes(note("GNU", text))).toEqual([]);
  expect(decodeDlopenNotes(note("FDO", "[{]"))).toEqual([]);
  expect(decodeDlopenNotes(note("FDO", text).subarray(0, 40))).toEqual([]);
});

test("module information keeps order and what is behind the first equals sign", () => {
  expect(decodeModinfo(Buffer.from("alias=a=b\0\0rubbish\0firmware=x/y.bin\0"))).toEqual([
    { key: "alias", value: "a=b" }, { key: "firmware", value: "x/y.bin" },
  ]);
});

async function settles(source: Source): Promise<void> {
  try {
    await probeElf(source);
  } catch (error) {
    expect(error).toBeInstanceOf(MkinitrdError);
  }
}

function changed(at: number, to: number[]): Source {
  const bytes = Buffer.from(program);
  bytes.set(to, at);
  return memorySource(bytes);
}

function note(owner: string, text: string): Buffer {
  const head = Buffer.alloc(16);
  head.writeUInt32LE(4, 0);
  head.writeUInt32LE(Buffer.byteLength(text), 4);
  head.writeUInt32LE(0x407c0c0a, 8);
  head.write(`${owner}\0`, 12);
  return Buffer.concat([head, Buffer.from(text)], 16 + Math.ceil(Buffer.byteLength(text) / 4) * 4);
}
