import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { memorySource } from "../../../src/core/binary/source.ts";
import { readNewc, readNewcContent } from "../../../src/core/formats/newc.ts";
import { auditImage } from "../../../src/host/audit/image.ts";
import { buildCommand } from "../../../src/host/cli/build.ts";
import { run } from "../../../src/host/cli/program.ts";
import type { BuildReport } from "../../../src/host/image/build.ts";
import { packageRoot } from "../../../src/host/package-root.ts";
import { bundle } from "../../../tools/bundle.js";
import { findTestKernel } from "../plan/kernel.ts";

const hasBusybox = spawnSync("busybox", ["true"]).status === 0;
const kernel = findTestKernel();

describe.skipIf(!hasBusybox || kernel === undefined)("mkinitrd build (skipped where busybox is missing, or the cache has no kernel)", () => {
  let directory: string;
  let config: string;
  let printed: string;
  beforeAll(async () => {
    await bundle();
    directory = mkdtempSync(join(tmpdir(), "build-"));
    config = join(directory, "config.yaml");
    vi.stubEnv("MKINITRD_CACHE", join(directory, "cache"));
  }, 60_000);
  afterAll(() => {
    vi.unstubAllEnvs();
    rmSync(directory, { recursive: true });
    if (kernel !== undefined) rmSync(kernel.root, { recursive: true });
  });
  beforeEach(() => {
    // Small and quick: no module set, no compression, one kind.
    writeFileSync(config, `modules-directory: ${kernel?.root}/lib/modules\nmodules: none\nrealroots: [local]\ncompression: none\noutput: out.img\n`);
    printed = "";
    vi.spyOn(console, "log").mockImplementation((text: string) => void (printed += `${text}\n`));
    vi.spyOn(console, "error").mockImplementation((text: string) => void (printed += `${text}\n`));
    vi.spyOn(process.stderr, "write").mockImplementation(() => true);
    process.exitCode = undefined;
    return () => {
      vi.restoreAllMocks();
      process.exitCode = undefined;
    };
  });

  test("a first build makes an image, and a second one after an edit keeps all layers but the site's", async () => {
    const first = await json("--realroot", "local:ext4:/dev/vda1");
    expect(process.exitCode ?? 0).toBe(0);
    expect(first.layers.map(({ name }) => name)).toEqual(["runtime", "tools", "modules", "boot", "site"]);
    expect(first.bytes).toBe(readFileSync(join(directory, "out.img")).length);
    const second = await json("--realroot", "local:ext4:/dev/vda2");
    expect(second.layers.map(({ name, cacheHit }) => [name, cacheHit])).toEqual([["runtime", true], ["tools", true], ["modules", true], ["boot", true], ["site", false]]);
    expect(second.imageId).not.toBe(first.imageId);
    const before = statSync(join(directory, "out.img"));
    const third = await json("--realroot", "local:ext4:/dev/vda2");
    expect([first.unchanged, second.unchanged, third.unchanged]).toEqual([false, false, true]);
    expect([third.bytes, third.imageId]).toEqual([second.bytes, second.imageId]);
    const after = statSync(join(directory, "out.img"));
    expect([after.ino, after.mtimeMs]).toEqual([before.ino, before.mtimeMs]); // not written anew
  }, 60_000);

  test("a layer of the cache whose bytes were lost is made again when an image needs it", async () => {
    const { layers } = await json("--realroot", "local:ext4:/dev/vda1");
    const intact = readFileSync(join(directory, "out.img"));
    const tools = layers.find(({ name }) => name === "tools")!;
    writeFileSync(tools.file, Buffer.alloc(tools.bytes));
    expect((await json("--realroot", "local:ext4:/dev/vda1")).unchanged).toBe(true); // the image is whole
    rmSync(join(directory, "out.img"));
    const again = await json("--realroot", "local:ext4:/dev/vda1");
    expect(again.layers.filter(({ cacheHit }) => !cacheHit).map(({ name }) => name)).toEqual(["tools"]);
    expect(readFileSync(join(directory, "out.img")).equals(intact)).toBe(true);
  }, 60_000);

  test("the image is archives one behind the other, whose boot.json has the image's name", async () => {
    const { imageId } = await json("--realroot", "local:ext4:/dev/vda1");
    const source = memorySource(readFileSync(join(directory, "out.img")));
    const found = new Map<string, string>();
    for (let at = 0; at < source.sizeBytes;) {
      const { members, endBytes } = await readNewc(source, at);
      for (const member of members) if (member.path.startsWith("etc/mkinitrd/")) found.set(member.path, (await readNewcContent(source, member)).toString());
      at = endBytes;
    }
    expect(JSON.parse(found.get("etc/mkinitrd/boot.json") ?? "")).toMatchObject({ imageId, realroot: "local:ext4:/dev/vda1", encrypted: false });
  }, 60_000);

  test("why has a chain for each path of the image, from the configuration or from what is in every image", async () => {
    await json("--realroot", "local:ext4:/dev/vda1", "--modules", "virtio_blk,ext4");
    const image = join(directory, "out.img");
    const paths = await printedBy("ls", image);
    const explained = JSON.parse(await printedBy("why", "--json", image, ...paths.split("\n").filter((path) => path !== ""))) as { path: string; chains: string[][] }[];
    const roots = /^(realroots?: \w+|boot steps|modules: of the configuration|filesystem of the default realroot|the (runtime|configuration|shell of pid 1|boot program.*|first mounts and nodes)|pid 1|holds other entries|index of the packed modules|modules that the rc scripts require|modprobe\.d|what mkinitrd why reads)$/;
    expect(explained.flatMap(({ path, chains }) => chains.filter(([root]) => !roots.test(root ?? "")).map((chain) => `${path}: ${chain.join(" → ")}`))).toEqual([]);
    expect(explained.length).toBeGreaterThan(200);
    expect(await printedBy("why", image, "rc.d/local.js")).toBe("usr/lib/mkinitrd/rc.d/local.js: layer boot\n  realroot: local → local.js\n");
  }, 60_000);

  test("two caches and two places give the same bytes", async () => {
    await json("--compression", "zstd:1");
    vi.stubEnv("MKINITRD_CACHE", join(directory, "another-cache"));
    await json("--compression", "zstd:1", "-o", join(directory, "second.img"));
    vi.stubEnv("MKINITRD_CACHE", join(directory, "cache"));
    expect(readFileSync(join(directory, "second.img")).equals(readFileSync(join(directory, "out.img")))).toBe(true);
  }, 120_000);

  describe("with --kernel all", () => {
    const second = `${kernel?.release}-second`;
    const modules = join(kernel?.root ?? "", "lib/modules");
    beforeEach(() => {
      cpSync(join(modules, kernel?.release ?? ""), join(modules, second), { recursive: true, verbatimSymlinks: true });
      return () => rmSync(join(modules, second), { recursive: true });
    });

    test("each kernel gets an image with its release in the name, and what they share is made once", async () => {
      const reports = await json("--kernel", "all", "-o", join(directory, "all-{kernel}.img")) as unknown as BuildReport[];
      expect(reports.map(({ kernelRelease, output }) => [kernelRelease, output])).toEqual([kernel?.release, second].map((release) => [release, join(directory, `all-${release}.img`)]));
      for (const { output, bytes } of reports) expect(statSync(output).size).toBe(bytes);
      expect(reports[1]?.layers.map(({ name, cacheHit }) => [name, cacheHit])).toEqual([["runtime", true], ["tools", true], ["modules", false], ["boot", true], ["site", false]]);
    }, 60_000);

    test("a name without {kernel} gets the release behind it; one that fails does not keep the other from its image", async () => {
      rmSync(join(modules, second, "modules.dep"));
      await build("--kernel", "all", "-o", join(directory, "each.img"));
      expect(process.exitCode).toBe(1);
      expect(printed).toMatch(new RegExp(`finding the modules of kernel ${second} on .*: it has no modules.dep[^]*building an image for each kernel on ${modules}: 1 of 2 failed, for what is said above\\n  next: the images of the others are in place`));
      expect(readdirSync(directory).filter((name) => name.startsWith("each.img"))).toEqual([`each.img-${kernel?.release}`]);
    }, 60_000);
  });

  test("{kernel} in the name of an image is the newest kernel where none is given", async () => {
    const { output } = await json("-o", join(directory, "one-{kernel}.img"));
    expect(output).toBe(join(directory, `one-${kernel?.release}.img`));
  }, 60_000);

  test("a compression that the kernel does not unpack is refused, by its configuration, and nothing is written", async () => {
    const boot = join(kernel?.root ?? "", "boot");
    const file = join(boot, `config-${kernel?.release}`);
    mkdirSync(boot);
    writeFileSync(file, "CONFIG_BLK_DEV_INITRD=y\nCONFIG_RD_ZSTD=y\n# CONFIG_RD_GZIP is not set\n");
    rmSync(join(directory, "out.img"), { force: true });
    try {
      await build("--compression", "gzip:1");
    } finally {
      rmSync(boot, { recursive: true });
    }
    expect(printed).toContain(`choosing the compression on gzip: kernel ${kernel?.release} does not unpack it: CONFIG_RD_GZIP is not set in ${file}\n  next: choose another compression: zstd, none`);
    expect(existsSync(join(directory, "out.img"))).toBe(false);
  }, 60_000);

  test.each(["none", "zstd:1"])("an audit of the image finds the key that was packed and nothing else (%s)", async (compression) => {
    writeFileSync(join(directory, "crypttab"), "root UUID=1 /etc/keys/root luks\n");
    writeFileSync(join(directory, "root"), "a key that looks like a text");
    writeFileSync(config, 'crypttab: crypttab\nfiles: [{from: root, to: /etc/keys/root, mode: "0400"}]\n', { flag: "a" });
    await build("--compression", compression);
    expect(await auditImage(join(directory, "out.img"))).toEqual({
      image: join(directory, "out.img"), mode: 0o600,
      secrets: [{ path: "etc/keys/root", mode: 0o400, kind: "key file", reason: "/etc/crypttab, line 1, names it for root" }],
    });
  }, 60_000);

  test("the report has a line for each layer, and the memory that the image needs", async () => {
    await build("--realroot", "local:ext4:/dev/vda1");
    expect(printed).toMatch(/^layer +packed +unpacked +files/);
    expect(printed).toMatch(/^runtime +[\d.]+ MiB +[\d.]+ MiB +\d+ +cached$/m);
    expect(printed).toMatch(/out\.img: image [0-9a-f]{12} for kernel /);
    expect(printed).toMatch(/^needs \d+ MiB of RAM$/m);
  }, 60_000);

  test.each([
    { what: "a kernel that is not there", words: ["--kernel", "9.9"], found: /finding the modules of kernel 9\.9 on .*there is only / },
    { what: "a module that is not there", words: ["--modules", "no_such_module"], found: /finding the module no_such_module/ },
    { what: "a realroot that is wrong", words: ["--realroot", "crpt:ext4:x"], found: /crpt/ },
    { what: "an output that can't be written", words: ["-o", "/proc/initrd.img"], found: /writing the image on \/proc\/initrd\.img/ },
    { what: "a modules directory that is a file", words: ["--modules-directory", "/etc/passwd"], found: /finding a kernel's modules on \/etc\/passwd: no kernel has modules there/ },
    { what: "a configuration that is not there", words: ["-c", "/no/such/file"], found: /reading the configuration on \/no\/such\/file: no such file/ },
    { what: "a sysroot without programs", words: ["--sysroot", "/proc", "--modules-directory", `${kernel?.root}/lib/modules`], found: /is missing|finding the program busybox/ },
  ])("$what is an error, and nothing is installed", async ({ words, found }) => {
    rmSync(join(directory, "out.img"), { force: true });
    await build(...words);
    expect(process.exitCode).toBe(1);
    expect(printed).toMatch(found);
    expect(existsSync(join(directory, "out.img"))).toBe(false);
  }, 60_000);

  test("an output that is a pipe stays one, and nothing is built for it", async () => {
    const pipe = join(directory, "pipe");
    spawnSync("mkfifo", [pipe]);
    vi.stubEnv("MKINITRD_CACHE", join(directory, "unused-cache"));
    await build("-o", pipe);
    vi.stubEnv("MKINITRD_CACHE", join(directory, "cache"));
    expect(process.exitCode).toBe(1);
    expect(printed).toMatch(/writing the image on .*pipe: it is no regular file; what was there before is untouched\n  next: name a file/);
    expect(statSync(pipe).isFIFO()).toBe(true);
    expect(existsSync(join(directory, "unused-cache"))).toBe(false);
  });

  test.each([
    { what: "the configuration itself", name: "config.yaml" },
    { what: "a file that is to be packed", name: "root.key" },
    { what: "the rescue password", name: "rescue.password" },
    { what: "the disk of its test", name: "disk.img" },
    { what: "the answers for that disk", name: "answers.yaml" },
    { what: "the kernel of the test", name: "vmlinuz" },
    { what: "a file that is to be packed, behind a link to its directory", name: "root.key", by: "link/root.key" },
  ])("an output that is $what is refused, and keeps its content", async ({ name, by = name }) => {
    for (const input of ["root.key", "rescue.password", "disk.img", "answers.yaml", "vmlinuz"]) writeFileSync(join(directory, input), `${input}: x\n`, { mode: 0o600 });
    rmSync(join(directory, "link"), { force: true });
    symlinkSync(".", join(directory, "link"));
    writeFileSync(config, "files: [{from: root.key, to: /etc/root.key}]\nrescue: {password-file: rescue.password}\n", { flag: "a" });
    const before = readFileSync(join(directory, name));
    const test = ["--test", "--test-disk", join(directory, "disk.img"), "--test-answers", join(directory, "answers.yaml"), "--test-kernel", join(directory, "vmlinuz"), "--test-expect", "login:"];
    await build(...test, "-o", join(directory, by));
    expect(process.exitCode).toBe(1);
    expect(printed).toMatch(/writing the image on .*: what goes there is made from this file\n  next: name another one: -o FILE/);
    expect(readFileSync(join(directory, name)).equals(before)).toBe(true);
  }, 60_000);

  test("a SOURCE_DATE_EPOCH that is no number is an error", async () => {
    vi.stubEnv("SOURCE_DATE_EPOCH", "yesterday");
    await build();
    vi.stubEnv("SOURCE_DATE_EPOCH", undefined);
    expect(process.exitCode).toBe(1);
    expect(printed).toMatch(/on SOURCE_DATE_EPOCH: it is "yesterday"\n  next: set it to seconds since 1970/);
  });

  test.each([["--modules", "/a/b"], ["--modules", "a b"], ["--compression", "brotli"], ["--compression", "zstd:20"], ["--compression", "lzop:0"], ["--compression", "none:1"], ["--no-such-option"]])("%s %s is a wrong command line", async (...words) => {
    await build(...words);
    expect(process.exitCode).toBe(2);
  });

  async function build(...words: string[]): Promise<void> {
    await run(["build", "-c", config, ...words], { build: async () => buildCommand() });
  }

  async function printedBy(...words: string[]): Promise<string> {
    printed = "";
    await run(words);
    return printed;
  }

  async function json(...words: string[]): Promise<BuildReport> {
    await build("--json", ...words);
    const text = printed;
    printed = "";
    return JSON.parse(text) as BuildReport;
  }
});

test("the package's top is where rc.d is", () => {
  expect(existsSync(join(packageRoot(), "rc.d/init"))).toBe(true);
});
