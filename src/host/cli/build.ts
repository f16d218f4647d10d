import { resolve } from "node:path";
import { Command, InvalidArgumentError, Option } from "commander";
import { explain, MkinitrdError } from "../../core/errors.ts";
import { levelRanges, parseCompressionWord } from "../config/compression.ts";
import { checkConfigRealroot, readConfig, type Config } from "../config/config.ts";
import { readKinds } from "../config/kinds.ts";
import { buildImage, type BuildReport } from "../image/build.ts";
import { forEachKernel } from "../image/kernels.ts";
import { MICROCODE_CHOICES } from "../plan/microcode.ts";
import type { KindTable } from "../../core/realroot/types.ts";
import { modulesBelow } from "../plan/sysroot.ts";
import { checkIsNoInput } from "../replace.ts";
import { formatReport } from "./build-report.ts";
import { progressLine } from "./progress.ts";
import { addTestOptions, testOf, type TestOptions } from "./test-options.ts";
import type { Proof } from "../prove/prove.ts";

const HELP = `
Options stand in for the configuration's own values. What did not change since the last build comes from the cache.
The image is written beside the output and renamed: until then the old one is untouched, and an error installs nothing.
Only a plain file is replaced: a link or a device as output is refused.

With --test the new image is booted first, in a virtual machine without network, by its own kernel: on disks made for it, with the
names, containers, groups and filesystems of the realroot and a passphrase of the test's, until the init of a root there has spoken.
Without that the old image stays, and the exit code is 1. What only the real disks have is not tested: that their key files and headers fit.

  mkinitrd build
  mkinitrd build -c laptop.yaml -o /boot/initrd.img --realroot crypt:ext4:UUID=2f1c7c5e-7e9e-4d6d-8f3e-0d9b1d0a6c11:root
  mkinitrd build --test -o /boot/initrd.img
  mkinitrd build --kernel all -o /boot/initrd-{kernel}.img
  mkinitrd build --kernel 6.1.0-32-amd64 --modules auto --compression zstd:19`;

interface BuildOptions extends TestOptions {
  config: string;
  output?: string;
  kernel?: string;
  modulesDirectory?: string;
  sysroot?: string;
  runtime?: string;
  realroot?: string;
  modules?: Config["modules"];
  microcode?: Config["microcode"];
  compression?: Config["compression"];
  expose: string[];
  keepOld?: true;
  uki?: true;
  ukiKernel?: string;
  ukiCmdline?: string;
  json?: true;
}

/** `mkinitrd build`: configuration → plan → layers → image. */
export function buildCommand(): Command {
  return addTestOptions(new Command("build"))
    .description("Builds an image from a configuration.")
    .option("-c, --config <file>", "the configuration", "mkinitrd.config.yaml")
    .option("-o, --output <file>", "the image to write; {kernel} in its name is the kernel release")
    .option("--kernel <release>", "kernel release, or all; the newest in the modules directory when not given")
    .option("--modules-directory <dir>", "the directory that holds a folder for each kernel release")
    .option("--sysroot <dir>", "where programs, libraries and firmware come from")
    .option("--runtime <file>", "the Node binary that goes in; for a sysroot of another architecture else the one that npm run runtime fetched")
    .option("--realroot <spec>", "the root to boot when the kernel command line names none")
    .option("--modules <set>", "generic, auto, none, or a list with commas", parseModules)
    .addOption(new Option("--microcode <whose>", "microcode to put in front of the image").choices(MICROCODE_CHOICES))
    .option("--compression <format>", "zstd, gzip, xz, lz4, lzma, bzip2, lzop, each with a :LEVEL if you want, or none", parseCompression)
    .option("--expose <path>", "a secret of the image that may lie on a filesystem without modes (vfat); may be given several times", (path: string, all: string[]) => [...all, path], [])
    .option("--keep-old", "keep what was at the output, as FILE.old")
    .option("--uki", "make a unified kernel image of kernel and initrd, by ukify")
    .option("--uki-kernel <file>", "the kernel in it; else it is looked for as vmlinuz-RELEASE")
    .option("--uki-cmdline <words>", "the kernel command line in it")
    .option("--json", "print the report as JSON")
    .addHelpText("after", HELP)
    .action(run);
}

async function run(options: BuildOptions): Promise<void> {
  const config = override(await readConfig(options.config), options);
  const kinds = await readKinds(config.scripts);
  if (options.realroot === undefined) checkConfigRealroot(config, kinds);
  const builds = forEachKernel(config);
  for (const { output } of builds) checkIsNoInput(output, inputsOf(config, options), "writing the image");
  const reports: Report[] = [];
  for (const each of builds) {
    try {
      reports.push(await build(each, kinds, options));
    } catch (error) {
      if (config.kernel !== "all") throw error;
      console.error(`mkinitrd: ${explain(error)}`); // one kernel whose modules are broken does not keep the others from their images
    }
  }
  if (options.json === true) console.log(JSON.stringify(config.kernel === "all" ? reports : reports[0], null, 2));
  else console.log(reports.map(formatReport).join("\n\n"));
  if (reports.length < builds.length) throw someFailed(config, builds.length - reports.length, builds.length);
}

type Report = BuildReport & { proof?: Proof };

async function build(config: Config, kinds: KindTable, options: BuildOptions): Promise<Report> {
  const progress = progressLine();
  try {
    let proof: Proof | undefined;
    const check = testOf(config, kinds, options, progress.say, (result) => (proof = result));
    const report = await buildImage({ ...config, keepOld: options.keepOld === true, ...(check === undefined ? {} : { check }) }, progress.say);
    return { ...report, ...(proof === undefined ? {} : { proof }) };
  } finally {
    progress.end();
  }
}

function someFailed({ modulesDirectory, sysroot }: Config, failed: number, all: number): MkinitrdError {
  return new MkinitrdError({ tried: "building an image for each kernel", on: modulesDirectory ?? modulesBelow(sysroot), found: `${failed} of ${all} failed, for what is said above`, ...(failed === all ? {} : { next: "the images of the others are in place" }) });
}

/** What is read for the image, its wrapping and its test: none of it may be lost to a word too few behind -o. */
function inputsOf({ source, runtime, scripts, files, crypttab, keymaps, rescue, uki }: Config, { testDisk, testAnswers, testKernel }: BuildOptions): string[] {
  const single = [crypttab, runtime, rescue.passwordFile, uki?.kernel, uki?.stub, testAnswers, testKernel].filter((file) => file !== undefined);
  return [source.fileName, ...scripts, ...files.map(({ from }) => from), ...keymaps.filter((keymap) => keymap.includes("/")), ...single, ...testDisk];
}

/** The configuration with what the command line says in its place; paths there start at the working directory. */
function override(config: Config, { output, kernel, modulesDirectory, sysroot, runtime, realroot, modules, microcode, compression, expose, ...uki }: BuildOptions): Config {
  return {
    ...config,
    expose: [...config.expose, ...expose],
    ...(output === undefined ? {} : { output: output.endsWith("/") ? output : resolve(output) }),
    ...(kernel === undefined ? {} : { kernel }),
    ...(modulesDirectory === undefined ? {} : { modulesDirectory: resolve(modulesDirectory) }),
    ...(sysroot === undefined ? {} : { sysroot: resolve(sysroot) }),
    ...(runtime === undefined ? {} : { runtime: resolve(runtime) }),
    ...(realroot === undefined ? {} : { realroot: realroot.trim() }),
    ...(modules === undefined ? {} : { modules }),
    ...(microcode === undefined ? {} : { microcode }),
    ...(compression === undefined ? {} : { compression }),
    ...overrideUki(config, uki),
  };
}

function overrideUki(config: Config, { uki, ukiKernel, ukiCmdline }: Pick<BuildOptions, "uki" | "ukiKernel" | "ukiCmdline">): Pick<Config, "uki"> {
  if (uki !== true && config.uki === undefined) {
    if (ukiKernel === undefined && ukiCmdline === undefined) return {};
    throw new MkinitrdError({ tried: "reading the options", on: "the command line", found: "options of a unified kernel image, and none is made", next: "add --uki" });
  }
  return { uki: { ...config.uki, ...(ukiKernel === undefined ? {} : { kernel: resolve(ukiKernel) }), ...(ukiCmdline === undefined ? {} : { commandLine: ukiCmdline }) } };
}

const SETS = ["generic", "auto", "none"] as const;

function parseModules(text: string): Config["modules"] {
  const set = SETS.find((each) => each === text);
  if (set !== undefined) return { set, add: [], omit: [] };
  const add = text.split(",").map((name) => name.trim());
  if (add.every((name) => name !== "" && !/\s|^\//.test(name) && !name.split("/").includes(".."))) return { set: "none", add, omit: [] };
  throw new InvalidArgumentError(`Known: ${SETS.join(", ")}, or modules with commas between them: names, patterns (nvme*), directories (drivers/nvme).`);
}

function parseCompression(text: string): Config["compression"] {
  const compression = parseCompressionWord(text);
  if (compression !== undefined) return compression;
  throw new InvalidArgumentError(`Known: none, or a format, as zstd or xz:9, with a level: ${levelRanges()}.`);
}
