import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, afterEach, beforeEach, describe, expect, test } from "vitest";
import { openFileMemo } from "../../../src/host/file-memo.ts";
import { firmwareNames, planFirmware } from "../../../src/host/plan/firmware.ts";
import { readModuleIndex } from "../../../src/host/plan/module-index.ts";
import { openSysroot } from "../../../src/host/plan/sysroot.ts";
import { readUnpacked } from "../../../src/host/unpack.ts";
import { findTestKernels } from "./kernel.ts";

const kernels = findTestKernels();
afterAll(() => {
  for (const { root } of kernels) rmSync(root, { recursive: true });
});

if (kernels.length === 0) describe.skip("against modinfo on a real kernel (skipped: the cache has none, or depmod is missing)", () => test("", () => {}));

describe.each(kernels)("against modinfo on the kernel $release", ({ release, directory }) => {
  test("the modules name the same firmware", async () => {
    const files = [...readModuleIndex(directory, release).modules.values()].map(({ path }) => join(directory, path)).filter((path) => /\/drivers\/(comedi|scsi|usb|md)\//.test(path));
    const named = [];
    for (const file of files) named.push(...(await firmwareNames(file)));
    const theirs = execFileSync("modinfo", ["-F", "firmware", ...files], { encoding: "utf8" }).split("\n").filter((line) => line !== "");
    expect(theirs.length).toBeGreaterThan(0);
    expect(named.sort()).toEqual(theirs.sort());
  }, 120_000);
});

const missing = ["cc", "xz", "zstd"].filter((program) => spawnSync(program, ["--version"]).error !== undefined);

describe.skipIf(missing.length > 0)("what a module names (skipped where cc, xz or zstd is missing)", () => {
  let root: string;
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), "firmware-"));
    mkdirSync(join(root, "usr/lib"), { recursive: true });
    symlinkSync("usr/lib", join(root, "lib"));
  });
  afterEach(() => rmSync(root, { recursive: true }));

  test("is unpacked, and a link to it leads to the unpacked one", async () => {
    const packed = write("card/v2.bin", "the content");
    execFileSync("xz", [packed]);
    symlinkSync("v2.bin.xz", join(dirname(packed), "card.bin.xz"));
    const entries = await plan("card/card.bin");
    expect(entries.map(({ path, ...entry }) => [path, entry.type === "link" ? entry.target : entry.type])).toEqual([
      ["usr/lib/firmware/card/card.bin", "v2.bin"],
      ["usr/lib/firmware/card/v2.bin", "file"],
    ]);
    const file = entries.find(({ type }) => type === "file");
    if (file?.type !== "file" || !("file" in file.from)) return expect.fail("no file");
    expect(file.from.decompress).toBe("xz");
    expect((await readUnpacked(file.from.file, "xz")).toString()).toBe("the content");
  });

  test.each([
    { what: "the plain file before a compressed one", files: ["one.bin", "one.bin.zst"], name: "one.bin", found: ["one.bin"] },
    { what: "zstd before xz", files: ["one.bin.xz", "one.bin.zst"], name: "one.bin", found: ["one.bin.zst"] },
    { what: "an update before what came with the kernel's release", files: ["one.bin", "updates/one.bin", "6.1/one.bin"], name: "one.bin", found: ["updates/one.bin"] },
    { what: "the release's before the common one", files: ["one.bin", "6.1/one.bin.xz"], name: "one.bin", found: ["6.1/one.bin.xz"] },
    { what: "all that a pattern means, each once", files: ["c/a-1.bin", "c/a-2.bin.xz", "c/a-2.bin", "c/b-1.bin", "c/a-x.txt"], name: "c/a-*.bin", found: ["c/a-1.bin", "c/a-2.bin"] },
    { what: "a directory behind a link", files: ["real/one.bin"], links: { other: "real" }, name: "other/one.bin", found: ["real/one.bin"] },
  ])("$what is taken, as the kernel does", async ({ files, links = {}, name, found }) => {
    for (const file of files) write(file, file);
    for (const [path, target] of Object.entries(links)) symlinkSync(target, join(root, "usr/lib/firmware", path));
    const taken = (await plan(name)).flatMap((entry) => (entry.type === "file" && "file" in entry.from ? [entry.from.file] : []));
    expect(taken).toEqual(found.map((file) => join(root, "usr/lib/firmware", file)));
  });

  async function plan(...names: string[]) {
    const module = join(root, "card.ko");
    const info = names.map((name) => `firmware=${name}`).join("\\0");
    execFileSync("cc", ["-c", "-x", "c", "-", "-o", module], { input: `__attribute__((section(".modinfo"),used)) static const char a[] = "${info}";` });
    const { entries, notes } = await planFirmware(openSysroot(root), openFileMemo(join(root, "memo.json")), "6.1", [{ name: "card", file: module }]);
    expect(notes).toEqual([]);
    return entries;
  }

  function write(path: string, content: string): string {
    const file = join(root, "usr/lib/firmware", path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, content);
    return file;
  }
});
