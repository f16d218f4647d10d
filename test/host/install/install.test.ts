import { execFileSync, spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { DEFAULT_IMAGE, installHooks, removeHooks } from "../../../src/host/install/install.ts";
import { mkinitrd } from "../image/mkinitrd.ts";
import { findProgram } from "../../../tools/packages.js";

const VERSION = "6.1.0-32-amd64";
let root: string;
let image: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "mkinitrd-install-"));
  for (const directory of ["etc/kernel/postinst.d", "usr/lib/kernel/install.d", "boot"]) mkdirSync(join(root, directory), { recursive: true });
  image = join(root, "boot/it's initrd.img-{kernel}"); // whatever a path may hold
});
afterEach(() => rmSync(root, { recursive: true }));

/** In place of Node: writes down the words that it gets, and the image. */
function settings(more: { test?: boolean; uki?: boolean } = {}) {
  const node = join(root, "node it's");
  writeFileSync(node, `#!/bin/sh\nfor word; do echo "<$word>"; done >'${root}/words'\nfor word; do last=$word; done; echo new >"$last"\n`);
  chmodSync(node, 0o755);
  return { node, program: "/opt/mkinitrd.js", config: "/etc/my config.yaml", image, test: false, uki: false, ...more };
}
const words = () => (existsSync(join(root, "words")) ? readFileSync(join(root, "words"), "utf8").trim().split("\n") : undefined);
/** As a kernel package of Debian's runs its hooks. */
const runParts = (directory: string, parameters: string) =>
  execFileSync("run-parts", ["--report", "--exit-on-error", `--arg=${VERSION}`, `--arg=/boot/vmlinuz-${VERSION}`, join(root, "etc/kernel", directory)], { env: { ...process.env, DEB_MAINT_PARAMS: parameters } });

describe.skipIf(findProgram("run-parts") === undefined)("hooks of Debian's kernel packages (skipped without run-parts)", () => {
  test("a new kernel gets an image, and the one that it had stays; a kernel that goes takes both along", () => {
    installHooks(root, settings());
    const file = image.replace("{kernel}", VERSION);
    runParts("postinst.d", "'configure' ''");
    expect(words()).toEqual(["</opt/mkinitrd.js>", "<build>", "<-c>", "</etc/my config.yaml>", "<--kernel>", `<${VERSION}>`, "<--keep-old>", "<-o>", `<${file}>`]);
    writeFileSync(`${file}.old`, "old");
    runParts("postrm.d", "upgrade 6.1.0-33");
    expect(existsSync(file)).toBe(true);
    runParts("postrm.d", "'remove'");
    expect([file, `${file}.old`].map((one) => existsSync(one))).toEqual([false, false]);
  });

  test("nothing is built for a package that is only unpacked or triggered", () => {
    installHooks(root, settings());
    for (const parameters of ["'abort-upgrade' '6.1'", "triggered update-initramfs"]) runParts("postinst.d", parameters);
    expect(words()).toBeUndefined();
  });
});

test("kernel-install's plugin builds into its staging area, unless another builder is chosen or an initrd came along", () => {
  const { files } = installHooks(root, settings({ test: true }));
  const plugin = files.find((file) => file.endsWith("install.d/50-mkinitrd.install"))!;
  const run = (args: string[], env: Record<string, string> = {}) => spawnSync(plugin, args, { env: { PATH: process.env["PATH"], KERNEL_INSTALL_STAGING_AREA: root, ...env } }).status;
  expect(run(["remove", VERSION, "/efi/x"])).toBe(0);
  expect(run(["add", VERSION, "/efi/x", "/vmlinuz"], { KERNEL_INSTALL_INITRD_GENERATOR: "dracut" })).toBe(0);
  expect(run(["add", VERSION, "/efi/x", "/vmlinuz", "/initrd"])).toBe(0);
  expect(words()).toBeUndefined();
  expect(run(["add", VERSION, "/efi/x", "/vmlinuz"], { KERNEL_INSTALL_INITRD_GENERATOR: "mkinitrd" })).toBe(0);
  expect(words()).toEqual(["</opt/mkinitrd.js>", "<build>", "<-c>", "</etc/my config.yaml>", "<--kernel>", `<${VERSION}>`, "<--test>", "<-o>", `<${root}/initrd>`]);
  expect(run(["add", VERSION, "/efi/x", "/vmlinuz"], { KERNEL_INSTALL_STAGING_AREA: "" })).toBe(1);
});

test("of a unified kernel image the plugin stages uki.efi, with the kernel that is installed, and takes no name of an initrd", () => {
  expect(() => installHooks(root, { ...settings({ uki: true }), image: DEFAULT_IMAGE })).toThrow(/on \/boot\/initrd\.img-\{kernel\}: \/etc\/my config\.yaml makes a unified kernel image[^]*--image '.*\.efi'/);
  image = join(root, "boot/{kernel}.efi");
  const { files, notes } = installHooks(root, settings({ uki: true }));
  const plugin = files.find((file) => file.endsWith("install.d/50-mkinitrd.install"))!;
  const run = (env: Record<string, string> = {}) => spawnSync(plugin, ["add", VERSION, "/efi/x", "/vmlinuz"], { env: { PATH: process.env["PATH"], KERNEL_INSTALL_STAGING_AREA: root, ...env } }).status;
  expect(run({ KERNEL_INSTALL_UKI_GENERATOR: "ukify" })).toBe(0);
  expect(words()).toBeUndefined();
  expect(run({ KERNEL_INSTALL_INITRD_GENERATOR: "none" })).toBe(0);
  expect(words()?.slice(4)).toEqual(["<--kernel>", `<${VERSION}>`, "<--uki-kernel>", "</vmlinuz>", "<-o>", `<${root}/uki.efi>`]);
  expect(notes).toEqual([expect.stringMatching(/add the line uki_generator=mkinitrd/), expect.stringMatching(/add the line layout=uki/)]);
  writeFileSync(join(root, "etc/kernel/install.conf"), "layout=uki\nuki_generator=mkinitrd\n");
  expect(installHooks(root, settings({ uki: true })).notes).toEqual([]);
});

test("they are programs, are replaced by a second install, and taken away; a file of somebody else's is not", () => {
  const { files, notes } = installHooks(root, settings());
  expect(notes).toEqual([expect.stringMatching(/add the line initrd_generator=mkinitrd/)]);
  for (const file of files) expect(statSync(file).mode & 0o777).toBe(0o755);
  writeFileSync(join(root, "etc/kernel/install.conf"), "layout=bls\ninitrd_generator=mkinitrd\n");
  expect(installHooks(root, settings())).toEqual({ files, notes: [] });
  expect(removeHooks(root).sort()).toEqual([...files].sort());
  expect(removeHooks(root)).toEqual([]);
  writeFileSync(files[0]!, "#!/bin/sh\n");
  expect(() => installHooks(root, settings())).toThrow(/there is another file of that name/);
  expect(removeHooks(root)).toEqual([]);
});

test("beside another builder, which writes the same file, and on a system without hooks nothing is installed", () => {
  writeFileSync(join(root, "etc/kernel/postinst.d/initramfs-tools"), "#!/bin/sh\n", { mode: 0o755 });
  expect(() => installHooks(root, { ...settings(), image: DEFAULT_IMAGE })).toThrow(/initramfs-tools writes the same file for each kernel[^]*--image/);
  expect(existsSync(join(root, "etc/kernel/postinst.d/mkinitrd"))).toBe(false);
  const bare = join(root, "bare");
  mkdirSync(bare);
  expect(() => installHooks(bare, settings())).toThrow(/neither etc\/kernel\/postinst\.d nor usr\/lib\/kernel\/install\.d is there/);
});

test("another spelling of the path is the same file, too", () => {
  writeFileSync(join(root, "etc/kernel/postinst.d/initramfs-tools"), "#!/bin/sh\n", { mode: 0o755 });
  for (const spelling of ["/boot//initrd.img-{kernel}", "/boot/./initrd.img-{kernel}", "/boot/x/../initrd.img-{kernel}"]) {
    expect(() => installHooks(root, { ...settings(), image: spelling })).toThrow(/initramfs-tools writes the same file/);
  }
});

test("a directory where a hook belongs, and a root that is no directory, are said", () => {
  mkdirSync(join(root, "etc/kernel/postinst.d/mkinitrd"));
  expect(() => installHooks(root, settings())).toThrow(/postinst\.d\/mkinitrd: there is another directory or device of that name\n {2}next: move it away/);
  expect(removeHooks(root)).toEqual([]);
  for (const [path, found] of [["absent", /there is no such directory/], ["node it's", /it is no directory/], ["node it's/x", /there is no such directory/]] as const) {
    expect(() => installHooks(join(root, path), settings())).toThrow(found);
    expect(() => removeHooks(join(root, path))).toThrow(found);
  }
});

test("a configuration that is wrong is an error now, and none of each new kernel", async () => {
  const config = join(root, "mkinitrd.config.yaml");
  const hook = join(root, "etc/kernel/postinst.d/mkinitrd");
  for (const [text, found] of [["kompression: zstd\n", /kompression/], ["realroot: nonsense:ext4:UUID=1\n", /the kind "nonsense"/], ["uki: true\n", /makes a unified kernel image/]] as const) {
    writeFileSync(config, text);
    const { code, errors } = await mkinitrd("install", "-c", config, "--root", root);
    expect([code, errors]).toEqual([1, expect.stringMatching(found)]);
    expect(existsSync(hook)).toBe(false);
  }
  writeFileSync(config, "realroot: local:ext4:LABEL=root\n");
  expect((await mkinitrd("install", "-c", config, "--root", root)).code).toBe(0);
  expect(existsSync(hook)).toBe(true);
});
