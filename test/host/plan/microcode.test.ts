import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { openFileMemo } from "../../../src/host/file-memo.ts";
import { writeImage } from "../../../src/host/image/image.ts";
import { openImage } from "../../../src/host/image/open.ts";
import { buildLayer } from "../../../src/host/layers/build.ts";
import { hashContent } from "../../../src/host/layers/hash.ts";
import type { Cpu } from "../../../src/host/plan/cpu.ts";
import { parseKernelConfig } from "../../../src/host/plan/kernel-config.ts";
import { mergeLayers } from "../../../src/host/plan/merge.ts";
import { type MicrocodeChoice, planMicrocode } from "../../../src/host/plan/microcode.ts";
import type { ModuleIndex } from "../../../src/host/plan/module-index.ts";
import { openSysroot } from "../../../src/host/plan/sysroot.ts";
import type { Entry } from "../../../src/host/plan/types.ts";

const INTEL: Cpu = { vendor: "GenuineIntel", kinds: [{ family: 6, model: 0x8e, stepping: 9 }, { family: 6, model: 0x97, stepping: 2 }], virtual: false };
const AMD: Cpu = { vendor: "AuthenticAMD", kinds: [{ family: 0x19, model: 1, stepping: 1 }], virtual: false };
const OLD_AMD: Cpu = { vendor: "AuthenticAMD", kinds: [{ family: 0x10, model: 1, stepping: 1 }], virtual: false };
const TAKES = parseKernelConfig("CONFIG_MICROCODE=y\n", "/boot/config-6.12");

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "microcode-"));
  for (const directory of ["intel-ucode", "amd-ucode"]) mkdirSync(join(root, "usr/lib/firmware", directory), { recursive: true });
  symlinkSync("usr/lib", join(root, "lib"));
  for (const name of ["06-8e-09", "06-97-02.initramfs", "06-97-05"]) writeFileSync(firmware(`intel-ucode/${name}`), `\x01\0\0\0${name};`);
  for (const name of ["microcode_amd.bin", "microcode_amd_fam17h.bin", "microcode_amd_fam19h.bin"]) writeFileSync(firmware(`amd-ucode/${name}`), `DMA\0${name};`, "latin1");
  for (const name of ["intel-ucode/README", "amd-ucode/microcode_amd.bin.asc", "amd-ucode/LICENSE"]) writeFileSync(firmware(name), "text");
});
afterEach(() => rmSync(root, { recursive: true }));

describe("the microcode", () => {
  test.each<{ choice: MicrocodeChoice; cpu: Cpu; whose: string; intel?: string[]; amd?: string[] }>([
    { choice: "auto", cpu: INTEL, whose: "an Intel of two kinds of core", intel: ["06-8e-09", "06-97-02.initramfs"] },
    { choice: "auto", cpu: AMD, whose: "an AMD", amd: ["microcode_amd_fam19h.bin"] },
    { choice: "auto", cpu: OLD_AMD, whose: "an old AMD", amd: ["microcode_amd.bin"] },
    { choice: "auto", cpu: { ...INTEL, virtual: true }, whose: "a guest" },
    { choice: "auto", cpu: { ...INTEL, vendor: "CentaurHauls" }, whose: "another vendor's processor" },
    { choice: "intel", cpu: AMD, whose: "any machine", intel: ["06-8e-09", "06-97-02.initramfs", "06-97-05"] },
    { choice: "both", cpu: AMD, whose: "any machine", intel: ["06-8e-09", "06-97-02.initramfs", "06-97-05"], amd: ["microcode_amd.bin", "microcode_amd_fam17h.bin", "microcode_amd_fam19h.bin"] },
    { choice: "none", cpu: INTEL, whose: "any machine" },
  ])("$choice on $whose", async ({ choice, cpu, intel, amd }) => {
    const { entries, notes } = await plan(choice, cpu);
    expect(entries.map((entry) => [entry.path, content(entry)])).toEqual([
      ...(intel === undefined ? [] : [["kernel/x86/microcode/GenuineIntel.bin", intel.map((name) => `\x01\0\0\0${name};`).join("")]]),
      ...(amd === undefined ? [] : [["kernel/x86/microcode/AuthenticAMD.bin", amd.map((name) => `DMA\0${name};`).join("")]]),
    ]);
    expect(notes).toEqual([]);
  });

  test.skipIf(spawnSync("xz", ["--version"]).status !== 0)("that lies compressed is unpacked: the kernel reads it as it is (skipped where xz is missing)", async () => {
    execFileSync("xz", [firmware("intel-ucode/06-8e-09")]);
    const [entry] = (await plan("auto", INTEL)).entries;
    expect(content(entry!)).toBe("\x01\0\0\x0006-8e-09;\x01\0\0\x0006-97-02.initramfs;");
  });

  test("that is not there is noted, with its package", async () => {
    const other: Cpu = { vendor: "AuthenticAMD", kinds: [{ family: 0x1a, model: 1, stepping: 1 }], virtual: false };
    expect(await plan("auto", other)).toEqual({
      entries: [], notes: ["no microcode for this machine's processor (microcode_amd_fam1ah.bin) in /lib/firmware/amd-ucode; on Debian: apt-get install amd64-microcode"],
    });
    rmSync(join(root, "usr/lib/firmware/intel-ucode"), { recursive: true });
    expect((await plan("both", AMD)).notes).toEqual(["no microcode for processors of intel in /lib/firmware/intel-ucode; on Debian: apt-get install intel-microcode"]);
  });

  test("for a kernel that loads none stays out, which is noted", async () => {
    const config = parseKernelConfig("# CONFIG_MICROCODE is not set\n", "/boot/config-6.12");
    expect(await plan("both", INTEL, config)).toEqual({ entries: [], notes: ["kernel 6.12 loads no microcode (CONFIG_MICROCODE is not set in /boot/config-6.12): none is packed"] });
  });

  test.each([
    { what: "is something else", bytes: "\x7fELF", found: /it begins with 0x464c457f, not 0x00000001\n  next: install its package again/ },
    { what: "is empty", bytes: "", found: /it has 0 bytes/ },
  ])("that $what is refused", async ({ bytes, found }) => {
    writeFileSync(firmware("intel-ucode/06-8e-09"), bytes, "latin1");
    await expect(plan("auto", INTEL)).rejects.toThrow(found);
  });
});

test.skipIf(spawnSync("cpio", ["--version"]).status !== 0)("cpio lists it in front of a compressed image (skipped where cpio is missing)", async () => {
  const file: Entry = { path: "init", mode: 0o755, reason: "test", type: "file", from: { bytes: Buffer.from("#!/bin/sh\n") } };
  const layers = mergeLayers([{ name: "early", entries: (await plan("both", INTEL)).entries }, { name: "boot", entries: [file] }]);
  const memo = openFileMemo(join(root, "memo.json"));
  const options = { cacheDirectory: join(root, "cache"), mtime: 0 };
  const built = [];
  for (const layer of layers) built.push(await buildLayer(layer, await hashContent(layer, memo), { ...options, compression: layer.name === "early" ? { format: "none" } : { format: "gzip", level: 6 } }));
  await writeImage(built, join(root, "image"));
  const image = readFileSync(join(root, "image"));
  expect(spawnSync("cpio", ["-it", "--quiet"], { input: image, encoding: "utf8" }).stdout.split("\n")).toEqual([
    "kernel", "kernel/x86", "kernel/x86/microcode", "kernel/x86/microcode/AuthenticAMD.bin", "kernel/x86/microcode/GenuineIntel.bin", "",
  ]);
  // A processor of Intel's takes it from where it lies: Intel SDM 3A, 9.11.6.
  for (const data of ["DMA\0microcode_amd.bin;", "\x01\0\0\x0006-8e-09;"]) expect([image.indexOf(data, 0, "latin1") > 0, image.indexOf(data, 0, "latin1") % 16]).toEqual([true, 0]);
  const { archives } = await openImage(join(root, "image"));
  expect(archives[0]!.parts[0]!.map(({ path }) => path).at(-1)).toBe("kernel/x86/microcode/GenuineIntel.bin"); // by our own reader
});

function plan(choice: MicrocodeChoice, cpu: Cpu, kernelConfig = TAKES) {
  return planMicrocode(choice, { sysroot: openSysroot(root), cpu, kernelConfig, modules: { release: "6.12" } as ModuleIndex });
}

function content(entry: Entry): string {
  return entry.type === "file" && "bytes" in entry.from ? entry.from.bytes.toString("latin1") : "";
}

function firmware(name: string): string {
  return join(root, "usr/lib/firmware", name);
}
