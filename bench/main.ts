import { writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { resolve } from "node:path";
import { Command, InvalidArgumentError } from "commander";
import { explain } from "../src/core/errors.ts";
import { cacheDirectory } from "../src/host/cache.ts";
import { chooseAccelerator } from "../src/host/qemu/accelerator.ts";
import { findVmKernel } from "../src/host/qemu/vm-kernel.ts";
import { loadAverage } from "./host.ts";
import { measure, type Part, PARTS } from "./measure.ts";
import { type BenchReport, findTargets, formatBench } from "./report.ts";

const HELP = `
Parts:
  builds        mkinitrd build with an empty cache, for a new kernel, after an edit, unchanged
  compressions  each compression: its size, packing it here, unpacking it in the guest
  crypt         decrypting in user space, with sectors of 512 and 4096 bytes, beside OpenSSL alone
  disks         dumping a linear LV beside dd; inspecting disks of 1 GiB, 1 TiB and 8 TiB
  boots         a root on LVM in LUKS: our images and that of Debian's initramfs-tools, one at a time, in turn
  memory        what our initrd leaves in memory, against a guest in which nothing can be left
  smallest      the smallest guest that boots
bench/README.md says what each figure is. Progress goes to standard error, the tables to standard output. The comparison needs
root and debootstrap, and keeps a Debian of 400 MB in the cache.

Exit codes:
  0  what was asked for was measured, targets met or not
  1  a part could not be measured
  2  the command line was wrong

  npm run bench
  npm run bench -- --quick --json figures.json
  npm run bench -- --only builds,memory`;

/** What --quick leaves out. */
const SLOW: readonly Part[] = ["compressions", "smallest"];

interface Options {
  rounds: number;
  quick?: true;
  peer: boolean;
  memory: number;
  only?: Part[];
  json?: string;
}

const command = new Command("bench")
  .description("Measures builds and boots of our images, and compares with Debian's initramfs-tools.")
  .option("--rounds <n>", "how often each is measured", wholeNumber(1, 100), 3)
  .option("--quick", "each once, without the compressions and the smallest guest")
  .option("--no-peer", "without Debian's initramfs-tools")
  .option("--memory <mib>", "the guest's memory in MiB", wholeNumber(256, 1024 * 1024), 1024)
  .option("--only <parts>", `some parts, with commas: ${PARTS.join(",")}`, parseParts)
  .option("--json <file>", "write all figures there")
  .addHelpText("after", HELP)
  .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2));

try {
  await run(command.parse().opts<Options>());
} catch (error) {
  console.error(`bench: ${explain(error)}`);
  process.exitCode = 1;
}

async function run({ rounds, quick, peer, memory, only, json }: Options): Promise<void> {
  const kernel = findVmKernel();
  const accelerator = await chooseAccelerator(kernel.image, cacheDirectory());
  const machine = {
    processors: cpus().length, processor: cpus()[0]?.model ?? "unknown", loadAtStart: loadAverage(), loadAtEnd: 0,
    kernelRelease: kernel.release, accelerator, guestMemoryMiB: memory, rounds: quick === true ? 1 : rounds,
  };
  const date = new Date().toISOString();
  const parts = only ?? PARTS.filter((part) => quick !== true || !SLOW.includes(part));
  const measured = await measure({ parts, rounds: machine.rounds, peer, kernel, hardware: { kernel: kernel.image, accelerator, memoryMiB: memory } }, (text) => console.error(text));
  machine.loadAtEnd = loadAverage();
  const report: BenchReport = { date, machine, ...measured, targets: findTargets(measured) };
  console.log(formatBench(report));
  if (json !== undefined) writeFileSync(resolve(process.env["INIT_CWD"] ?? ".", json), `${JSON.stringify(report, undefined, 2)}\n`);
  if (report.problems.length > 0) process.exitCode = 1;
}

function parseParts(text: string): Part[] {
  return text.split(",").map((word) => {
    const part = PARTS.find((each) => each === word.trim());
    if (part === undefined) throw new InvalidArgumentError(`Known: ${PARTS.join(", ")}.`);
    return part;
  });
}

function wholeNumber(least: number, most: number): (text: string) => number {
  return (text) => {
    const number = Number(text);
    if (/^\d+$/.test(text) && number >= least && number <= most) return number;
    throw new InvalidArgumentError(`A whole number from ${least} to ${most}.`);
  };
}
