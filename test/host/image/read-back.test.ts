import { spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { checkArchive, readBack } from "../../../src/host/image/read-back.ts";
import { buildLayer } from "../../../src/host/layers/build.ts";
import type { BuiltLayer } from "../../../src/host/layers/types.ts";
import { directory, link } from "../../../src/host/plan/paths.ts";
import type { PlannedLayer } from "../../../src/host/plan/types.ts";

const layer: PlannedLayer = {
  name: "site",
  entries: [
    { path: "a", mode: 0o644, reason: "x", type: "file", from: { bytes: Buffer.from("hello world ".repeat(500)) } }, directory("d", "x"),
    { path: "d/console", mode: 0o600, reason: "x", type: "node", major: 5, minor: 1 }, link("l", "a", "x"),
  ],
};

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "read-back-"));
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true });
});

describe("a layer", () => {
  const build = (format: "zstd" | "none" | "gzip" = "none", planned = layer) => {
    const options = { cacheDirectory: join(folder, "cache"), mtime: 0, check: checkArchive };
    return buildLayer(planned, { hash: "0123", files: new Map() }, format === "none" ? { ...options, compression: { format } } : { ...options, compression: { format, level: 3 } });
  };

  test.each(["none", "gzip", "zstd"] as const)("as %s is read back and kept", async (format) => {
    const built = await build(format);
    expect(built.crc32).toBe(crc32(readFileSync(built.file)));
    expect((await build(format)).crc32).toBe(built.crc32);
  });

  test("of nothing but zero bytes is no bomb when we packed it ourselves", async () => {
    const zeroes = { ...layer, entries: [{ path: "z", mode: 0o644, reason: "x", type: "file" as const, from: { bytes: Buffer.alloc(80 << 20) } }] };
    await expect(build("zstd", zeroes)).resolves.toMatchObject({ cacheHit: false });
  });

  const zstd = spawnSync("sh", ["-c", "command -v zstd"], { encoding: "utf8" }).stdout.trim();
  test.skipIf(zstd === "").each([
    { does: "packs something else", lines: `sed s/world/earth/ | ${zstd} -q -c`, found: /it unpacks to \d+ bytes with CRC 0x/ },
    { does: "stops in the middle", lines: `${zstd} -q -c | head -c 100`, found: /it is cut off/ },
    { does: "packs nothing", lines: `cat > /dev/null; ${zstd} -q -c < /dev/null`, found: /it unpacks to 0 bytes/ },
    { does: "packs twice", lines: `cat > ${"$0"}.in; ${zstd} -q -c ${"$0"}.in; ${zstd} -q -c ${"$0"}.in`, found: /it unpacks to more than|it is 2 archives, not one|more than \d+ members/ },
    { does: "writes rubbish", lines: "cat > /dev/null; echo rubbish", found: /begins no archive/ },
  ])("of a compressor that $does is an error, and the cache has nothing of it (skipped where zstd is missing)", async ({ lines, found }) => {
    mkdirSync(join(folder, "bin"));
    writeFileSync(join(folder, "bin/zstd"), `#!/bin/sh\n${lines}\n`);
    chmodSync(join(folder, "bin/zstd"), 0o755);
    vi.stubEnv("PATH", `${join(folder, "bin")}:${process.env["PATH"]}`);
    const error = await build("zstd").then(() => "none", String);
    expect(error).toMatch(/reading back what was packed on the layer site: /);
    expect(error).toMatch(found);
    expect(readdirSync(join(folder, "cache"))).toEqual([]);
  });

  test("that is another one than planned is an error", async () => {
    const built = await build();
    const sums = { unpackedBytes: built.unpackedBytes, unpackedCrc32: crc32(readFileSync(built.file).subarray(0, built.unpackedBytes)) };
    await checkArchive(layer, built.file, sums);
    const changed = (change: object, index = 0) => ({ ...layer, entries: layer.entries.map((entry, at) => (at === index ? { ...entry, ...change } : entry)) });
    for (const [other, found] of [[changed({ mode: 0o600 }), /entry 1 is "a"/], [changed({ path: "b" }), /the plan has "b" there/], [changed({ minor: 2 }, 2), /entry 3 is "d\/console"/],
      [{ ...layer, entries: layer.entries.slice(0, 3) }, /of 4 entries; the plan has "none" there, of 3/]] as const) {
      await expect(checkArchive(other, built.file, sums)).rejects.toThrow(found);
    }
  });
});

describe("an image", () => {
  const part = (name: BuiltLayer["name"], content: string): BuiltLayer => ({ name, file: "", bytes: content.length, crc32: crc32(content), unpackedBytes: 0, files: 0, cacheHit: true });
  const layers = [part("runtime", "0123456789"), part("boot", ""), part("site", "abcdef")];

  test.each([
    { what: "as written", bytes: "0123456789abcdef", found: undefined },
    { what: "with a changed byte", bytes: "0123456789abcdeF", found: /the layer site, up to byte 16, has CRC/ },
    { what: "with layers that changed places", bytes: "abcdef0123456789", found: /the layer runtime, up to byte 10/ },
    { what: "cut off", bytes: "0123456789abc", found: /it ends at byte 13, within the layer site/ },
    { what: "with something behind", bytes: "0123456789abcdef\0", found: /it has 17 bytes, its layers have 16/ },
  ])("$what", async ({ bytes, found }) => {
    writeFileSync(join(folder, "image"), bytes);
    if (found === undefined) return expect(readBack(join(folder, "image"), layers)).resolves.toBeUndefined();
    await expect(readBack(join(folder, "image"), layers)).rejects.toThrow(found);
  });
});
