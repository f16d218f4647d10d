import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { arm64Sysroot } from "../../tools/arm64.js";
import { findProgram } from "../../tools/packages.js";
import { ukiTools } from "../../tools/uki.js";
import { ARCHITECTURES } from "../../src/host/architecture.ts";
import { cacheDirectory } from "../../src/host/cache.ts";
import { exec } from "../../src/host/exec.ts";
import { fetchedRuntime } from "../../src/host/layers/prepare-runtime.ts";
import { packageRoot } from "../../src/host/package-root.ts";
import { typeAnswers } from "../../src/host/qemu/answers.ts";
import { type BuiltDisk, buildDisk } from "../../src/host/qemu/disks.ts";
import { startGuest } from "../../src/host/qemu/guest.ts";
import { kernelCommandLine } from "../../src/host/qemu/machine.ts";
import { parseRecipe } from "../../src/host/qemu/recipe-schema.ts";
import { findVmKernel } from "../../src/host/qemu/vm-kernel.ts";

const MKINITRD = join(packageRoot(), "dist/host/mkinitrd.js");
const RUNTIME = fetchedRuntime(ARCHITECTURES.aarch64);
const [, EXAMPLE = ""] = /^```yaml\n(.*?)^```$/ms.exec(readFileSync(join(packageRoot(), "docs/architectures.md"), "utf8")) ?? [];
const RECIPE = join(packageRoot(), "images/lvm-in-luks.yaml");
const programs = ["qemu-system-aarch64", "qemu-aarch64", "file"].filter((program) => findProgram(program) === undefined);
const missing = [...(process.env["MKINITRD_TEST_ALL"] === "1" ? [] : ["MKINITRD_TEST_ALL=1"]), ...[arm64Sysroot, RUNTIME].filter((path) => !existsSync(path)), ...programs];

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "mkinitrd-arm64-"));
  symlinkSync(arm64Sysroot, join(directory, "arm64"));
});
afterAll(() => rmSync(directory, { recursive: true }));

/** Builds the example of docs/architectures.md from Debian's unpacked packages, which lie beside it there; the report. */
async function build(name: string, options: string[] = [], env?: Record<string, string>): Promise<{ output: string; notes: string[]; proof?: { witness: string } }> {
  const config = join(directory, "arm64.yaml");
  writeFileSync(config, EXAMPLE);
  const { stdout } = await exec(process.execPath, [MKINITRD, "build", "-c", config, "-o", join(directory, `${name}.img`), "--compression", "zstd:3", "--json", ...options], env === undefined ? {} : { env });
  return JSON.parse(stdout) as Awaited<ReturnType<typeof build>>;
}

/** A disk with LVM in LUKS2, whose root is of arm64 as well. */
function arm64Disk(): Promise<BuiltDisk> {
  return buildDisk(parseRecipe(readFileSync(RECIPE, "utf8").replace("root: busybox", `root: { busybox: whole, sysroot: ${arm64Sysroot} }`), RECIPE));
}

/** Boots it by its own kernel on that disk; the console, when that root has powered the machine off. */
async function boot(image: string, append = ""): Promise<string> {
  const { files } = await arm64Disk();
  const answers = join(directory, "answers.yaml");
  writeFileSync(answers, "Passphrase for: [wrong, correct horse]\n", { mode: 0o600 });
  const { stdout } = await exec(process.execPath, [MKINITRD, "boot", image, "--kernel", findVmKernel(arm64Sysroot).image, "--disk", files[0]!, "--answers", answers, "--timeout", "400", "--json", "--append", `loglevel=3 ${append}`]);
  return (JSON.parse(stdout) as { console: string }).console;
}

describe.skipIf(missing.length > 0)(`an image for arm64${missing.length === 0 ? "" : ` (skipped without ${missing.join(", ")})`}`, () => {
  test("holds programs and modules of arm64 alone, and boots LVM in LUKS2 after a passphrase", async () => {
    const { output, notes } = await build("small");
    expect(notes.filter((note) => /packed whole|without a snapshot/.test(note))).toEqual([]);

    const unpacked = join(directory, "unpacked");
    await exec(process.execPath, [MKINITRD, "extract", output, "-C", unpacked]);
    const files = readdirSync(unpacked, { recursive: true, withFileTypes: true }).filter((each) => each.isFile()).map((each) => join(each.parentPath, each.name));
    const { stdout } = await exec("file", ["--brief", "--files-from", "-"], { input: Buffer.from(files.map((file) => `${file}\n`).join("")) });
    const programs = stdout.split("\n").filter((line) => line.startsWith("ELF"));
    expect(programs.length).toBeGreaterThan(100);
    expect(programs.filter((line) => !line.includes("ARM aarch64"))).toEqual([]);
    expect(files).toEqual(expect.arrayContaining(["usr/bin/node", "usr/lib/mkinitrd/boot.blob", "usr/lib/aarch64-linux-gnu/ld-linux-aarch64.so.1"].map((path) => join(unpacked, path))));

    const console = await boot(output, "realroot.cat=/proc/sys/kernel/arch");
    expect(console).toMatch(/Wrong passphrase/);
    expect(console).toMatch(/REALROOT uptime=.* root=\/dev\/mapper\/vg00-lv0:ext4:ro/);
    expect(console).toMatch(/REALROOT-FILE \/proc\/sys\/kernel\/arch\s+aarch64\s+REALROOT-END/);
  }, 600_000);

  test("is made, larger, and boots where nothing runs its Node at build time", async () => {
    const path = join(directory, "bin");
    mkdirSync(path);
    for (const program of ["zstd", "xz"]) symlinkSync(findProgram(program) ?? "", join(path, program));
    const { output, notes } = await build("plain", ["--runtime", RUNTIME], { MKINITRD_CACHE: join(directory, "cache"), PATH: path });
    expect(notes).toEqual(expect.arrayContaining([expect.stringMatching(/packed whole: .*no program qemu-aarch64/), expect.stringMatching(/without a snapshot: .*no program qemu-aarch64/)]));
    expect(await boot(output)).toMatch(/REALROOT uptime=.* root=\/dev\/mapper\/vg00-lv0:ext4:ro/);
  }, 600_000);

  test("is booted by --test before it is put in place", async () => {
    const { proof } = await build("tested", ["--test"]);
    expect(proof?.witness).toMatch(/^REALROOT uptime=.* root=\/dev\/mapper\/vg00-lv0:ext4:ro/);
  }, 600_000);

  test.skipIf(!existsSync(ukiTools))("is started as a unified kernel image by a UEFI firmware for arm64 (skipped without ukify of Debian stable)", async () => {
    const env = { PATH: `${ukiTools}/usr/bin:${process.env["PATH"]}`, PYTHONPATH: `${ukiTools}/usr/lib/python3/dist-packages`, MKINITRD_CACHE: cacheDirectory() };
    const { output } = await build("uki", ["--uki", "--uki-cmdline", kernelCommandLine("loglevel=3", { architecture: "aarch64" })], env);
    expect((await exec("file", ["--brief", output])).stdout).toMatch(/EFI application\) Aarch64/);

    const esp = join(directory, "esp.img");
    await exec("truncate", ["-s", "160M", esp]);
    await exec("mkfs.vfat", ["-F", "32", esp]);
    await exec("mmd", ["-i", esp, "::/EFI", "::/EFI/BOOT"]);
    await exec("mcopy", ["-i", esp, output, "::/EFI/BOOT/BOOTAA64.EFI"]);
    const firmware = join(arm64Sysroot, "usr/share/AAVMF");
    const { recipe, files } = await arm64Disk();
    const guest = startGuest({
      architecture: "aarch64", console: "ttyAMA0", append: "", memoryMiB: 1024, smp: 2, accelerator: "tcg",
      firmware: { code: join(firmware, "AAVMF_CODE.no-secboot.fd"), variables: join(firmware, "AAVMF_VARS.fd") },
      disks: [esp, ...files].map((file) => ({ file, format: "raw", snapshot: true })),
    });
    onTestFinished(() => guest.end());
    void typeAnswers(guest, recipe.answers);
    await expect(guest.waitFor(/REALROOT .*\n/, { timeoutMs: 400_000 })).resolves.toMatch(/root=\/dev\/mapper\/vg00-lv0:ext4:ro/);
  }, 600_000);

  test("is refused where kernel and programs are for two architectures", async () => {
    const { modulesDirectory } = findVmKernel();
    await expect(build("mixed", ["--modules-directory", modulesDirectory])).rejects.toThrow(/it is a module for x86_64, and the programs in \S+ are for aarch64/);
  });
});
