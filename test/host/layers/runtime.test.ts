import { execFileSync, spawnSync } from "node:child_process";
import { chmodSync, copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Script } from "node:vm";
import { afterAll, beforeAll, expect, test } from "vitest";
import { memorySource } from "../../../src/core/binary/source.ts";
import { probeElf } from "../../../src/core/formats/elf.ts";
import { trimElf } from "../../../src/host/layers/elf-trim.ts";
import { findDifference } from "../../../src/host/layers/runtime-self-test.ts";
import { trimmedNode, type TrimmedNode } from "../../../src/host/layers/runtime.ts";

let folder = "";
let result: TrimmedNode;
const request = () => ({ nodeBinary: process.execPath, cacheDirectory: join(folder, "cache") });

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "mkinitrd-runtime-"));
  result = await trimmedNode(request());
}, 120_000);

afterAll(() => rmSync(folder, { recursive: true }));

test("the pinned Node loses nearly half of its bytes and passes the self-test", () => {
  expect(result).toEqual({ file: expect.stringContaining(folder), trimmed: true });
  expect(statSync(result.file).size).toBeLessThan(80_000_000);
  expect(execFileSync(result.file, ["-p", "process.version"]).toString().trim()).toBe(process.version);
});

test("of its modules no compiled code is left, and each is the one it was", () => {
  const script = "const { builtinModules } = require('node:module'); for (const name of builtinModules) { try { require(name) } catch (error) { console.log(name, error.message) } } console.log(builtinModules.length)";
  const [before, after] = [process.execPath, result.file].map((file) => execFileSync(file, ["--no-warnings", "-e", script]).toString());
  expect(after).toBe(before);
  const head = new Script("").createCachedData().subarray(0, 8); // V8's own: magic number and version hash
  const caches = (file: string) => readFileSync(file).toString("latin1").split(head.toString("latin1")).length - 1;
  expect(caches(process.execPath)).toBeGreaterThan(100);
  expect(caches(result.file)).toBe(0);
});

test("the trimmed Node needs the libraries that ldd lists for the original", () => {
  const libraries = (file: string) => execFileSync("ldd", [file]).toString().replace(/\(0x.*\)/g, "");
  expect(libraries(result.file)).toBe(libraries(process.execPath));
});

test("our own reader finds the same in it", async () => {
  const read = async (file: string) => ({ ...(await probeElf(memorySource(readFileSync(file)))), sections: [] });
  expect(await read(result.file)).toEqual(await read(process.execPath));
});

const noReadelf = spawnSync("readelf", ["--version"]).error !== undefined;

test.skipIf(noReadelf)("each segment keeps its address and length in memory (needs readelf)", () => {
  const loads = (file: string) => {
    const output = execFileSync("readelf", ["-lW", file], { stdio: ["ignore", "pipe", "ignore"], maxBuffer: 1e8 }).toString();
    const rows = [...output.matchAll(/^ +LOAD +\S+ (\S+) \S+ \S+ (\S+) (R?) ?(W?) ?(E?)/gm)];
    // Pieces of one segment touch each other: joined, they are the segment.
    const ranges: { flags: string; start: number; end: number }[] = [];
    for (const [, start, size, ...flags] of rows) {
      const range = { flags: flags.join(""), start: Number(start), end: Number(start) + Number(size) };
      const before = ranges.at(-1);
      if (before?.end === range.start && before.flags === range.flags) before.end = range.end;
      else ranges.push(range);
    }
    return ranges;
  };
  expect(loads(result.file)).toEqual(loads(process.execPath));
});

test("the second time the cached one is given, though the cache can't be written", async () => {
  const started = performance.now();
  expect(await trimmedNode(request())).toEqual(result);
  expect(performance.now() - started).toBeLessThan(1000);
});

test.each([
  { what: "was cut short", damage: (file: string) => truncateSync(file, 1000) },
  { what: "has a changed byte", damage: (file: string) => patch(file, 3_000_000) },
  { what: "has lost its checksum", damage: (file: string) => rmSync(`${file}.crc32`) },
])("one in the cache that $what is made again", async ({ damage }) => {
  const intact = readFileSync(result.file);
  damage(result.file);
  expect(await trimmedNode(request())).toEqual(result);
  expect(readFileSync(result.file).equals(intact)).toBe(true);
}, 120_000);

function patch(file: string, at: number): void {
  const bytes = readFileSync(file);
  bytes[at]! ^= 0xff;
  writeFileSync(file, bytes);
}

test("a file that is no ELF program is packed whole, and the note says why", async () => {
  const script = join(folder, "node.sh");
  writeFileSync(script, "#!/bin/sh\n".padEnd(200, "#"), { mode: 0o755 });
  const outcome = await trimmedNode({ ...request(), nodeBinary: script });
  expect(outcome).toEqual({ file: script, trimmed: false, note: expect.stringMatching(/packed whole: .*no 64-bit little-endian ELF/) });
});

test("a runtime that prints something else than the original is found out", async () => {
  const lying = join(folder, "lying-node");
  writeFileSync(lying, `#!/bin/sh\n"${process.execPath}" "$@" | sed s/Germany/Deutschland/\n`, { mode: 0o755 });
  expect(await findDifference(process.execPath, lying)).toMatch(/printed "names: Deutschland", the original "names: Germany"/);
}, 60_000);

test("a runtime that does not start is found out", async () => {
  const broken = join(folder, "broken-node");
  copyFileSync(result.file, broken);
  chmodSync(broken, 0o755);
  writeFileSync(broken, Buffer.alloc(64), { flag: "r+" });
  expect(await findDifference(process.execPath, broken)).toMatch(/running broken-node|running .*broken-node/);
}, 60_000);

test.each([
  { field: "class", at: 4, value: 1, found: /no 64-bit little-endian ELF/ },
  { field: "programSize", at: 54, value: 32, found: /program headers have 32 bytes/ },
  { field: "a segment's offset", at: 64 + 8 + 4, value: 1, found: /reaches past its end/ },
  { field: "a segment's alignment", at: 64 + 2 * 56 + 49, value: 64, found: /aligned to 16384/ },
])("a program whose $field is damaged is refused", ({ at, value, found }) => {
  const program = Buffer.from(readFileSync(process.execPath).subarray(0, 1 << 20));
  program[at] = value;
  // The whole program has more segments than fit into this piece: those before the damage must be read first.
  expect(() => trimElf(Buffer.concat([program, Buffer.alloc(statSync(process.execPath).size - program.length)]), [])).toThrow(found);
});

test("a program that is cut short is refused", () => {
  expect(() => trimElf(readFileSync(process.execPath).subarray(0, 1 << 20), [])).toThrow(/reaches past its end/);
  expect(() => trimElf(Buffer.from("\x7fELF"), [])).toThrow(/takes 64 bytes/);
});

test("a hole in what is executed is refused", () => {
  const program = readFileSync("/bin/true");
  const start = [...Array(8).keys()].map((index) => 64 + 56 * index).find((at) => program.readUInt32LE(at) === 1 && program.readUInt32LE(at + 4) === 5)!;
  const offset = Number(program.readBigUInt64LE(start + 8));
  const size = Number(program.readBigUInt64LE(start + 32));
  if (size < 12_288) return;
  expect(() => trimElf(program, [{ startBytes: offset + 4096, endBytes: offset + 8192 }])).toThrow(/not only read/);
});

test("a position-independent program runs as before without its symbols", () => {
  const trimmed = join(folder, "echo");
  writeFileSync(trimmed, trimElf(readFileSync("/bin/echo"), []), { mode: 0o755 });
  expect(execFileSync(trimmed, ["it", "runs"]).toString()).toBe("it runs\n");
  expect(existsSync(trimmed)).toBe(true);
});

test("a runtime that runs by words in front starts its programs by the same", async () => {
  const starter = join(folder, "starter");
  writeFileSync(starter, `#!/bin/sh\necho run >>${folder}/started\nexec "$@"\n`, { mode: 0o755 });
  expect(await findDifference(process.execPath, result.file, (use) => use([starter]))).toBeUndefined();
  expect(readFileSync(join(folder, "started"), "utf8").match(/run/g)).toHaveLength(4);
}, 60_000);
