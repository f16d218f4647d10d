import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { Command } from "commander";
import { MkinitrdError } from "../../core/errors.ts";
import { checkConfigRealroot, readConfig } from "../config/config.ts";
import { readKinds } from "../config/kinds.ts";
import { DEFAULT_IMAGE, installHooks, removeHooks } from "../install/install.ts";
import { packageRoot } from "../package-root.ts";

const HELP = `
On Debian: /etc/kernel/postinst.d/mkinitrd and /etc/kernel/postrm.d/mkinitrd; where there is kernel-install(8):
/etc/kernel/install.d/50-mkinitrd.install. From then on each kernel that is installed gets an image by this program, and the image
before it stays as FILE.old.

  mkinitrd init -o /etc/mkinitrd.config.yaml
  mkinitrd install -c /etc/mkinitrd.config.yaml
  mkinitrd install --remove`;

interface InstallOptions {
  config: string;
  image: string;
  root: string;
  test?: true;
  remove?: true;
}

/** `mkinitrd install`: hooks that build an image for each new kernel. */
export function installCommand(): Command {
  return new Command("install")
    .description("Has the system build an image for each kernel that is installed.")
    .option("-c, --config <file>", "the configuration", "/etc/mkinitrd.config.yaml")
    .option("--image <file>", "where the image goes; {kernel} is the kernel release", DEFAULT_IMAGE)
    .option("--test", "boot each image in a virtual machine before it is put in place")
    .option("--root <dir>", "the system to install the hooks in", "/")
    .option("--remove", "take the hooks away")
    .addHelpText("after", HELP)
    .action(run);
}

async function run({ config, image, root, test, remove }: InstallOptions): Promise<void> {
  if (remove === true) {
    const files = removeHooks(root);
    console.log(files.length === 0 ? "There was no hook of ours." : files.map((file) => `removed ${file}`).join("\n"));
    return;
  }
  const path = resolve(config);
  if (!existsSync(path)) throw new MkinitrdError({ tried: "installing the hooks for new kernels", on: path, found: "there is no such configuration", next: `mkinitrd init -o ${path} writes one` });
  if (!image.startsWith("/") || !image.includes("{kernel}")) {
    throw new MkinitrdError({ tried: "installing the hooks for new kernels", on: image, found: "it is no absolute path with {kernel} in it: one kernel's image would take the place of another's", next: `--image ${DEFAULT_IMAGE}` });
  }
  const read = await readConfig(path); // wrong, it would be an error of each kernel package that is installed
  checkConfigRealroot(read, await readKinds(read.scripts));
  const { files, notes } = installHooks(root, { node: process.execPath, program: join(packageRoot(), "dist/host/mkinitrd.js"), config: path, image, test: test === true, uki: read.uki !== undefined });
  console.log(files.map((file) => `installed ${file}`).join("\n"));
  for (const note of notes) console.log(`note: ${note}`);
}
