import { resolve } from "node:path";
import { type Command, InvalidArgumentError } from "commander";
import { MkinitrdError } from "../../core/errors.ts";
import { parseCommandLine } from "../../core/realroot/command-line.ts";
import { joinWord, splitCommandLine } from "../../core/realroot/words.ts";
import type { KindTable } from "../../core/realroot/types.ts";
import type { Config } from "../config/config.ts";
import type { BuildSettings } from "../image/build.ts";
import { modulesBelow } from "../plan/sysroot.ts";
import type { Proof } from "../prove/prove.ts";
import { readAnswers } from "../qemu/answers.ts";

const TIMEOUT_SECONDS = 300;

/** What the build command's options say of the test. */
export interface TestOptions {
  test?: true;
  testKernel?: string;
  testAppend: string;
  testDisk: string[];
  testAnswers?: string;
  testExpect?: string;
  testTimeout: number;
}

export function addTestOptions(command: Command): Command {
  return command
    .option("--test", "boot the image in a virtual machine before it is put in place, on disks with the realroot's stack")
    .option("--test-disk <file>", "test it on this raw disk, which is not written to; may be given several times", (file: string, all: string[]) => [...all, file], [])
    .option("--test-answers <file>", "what to type at which prompt of that disk, in YAML, as for mkinitrd boot")
    .option("--test-expect <text>", "what the system on that disk prints when it runs")
    .option("--test-kernel <file>", "the kernel to test with; else it is looked for as vmlinuz-RELEASE")
    .option("--test-append <words>", "words for the kernel command line of the test, a realroot among them", "")
    .option("--test-timeout <seconds>", "how long the test may take", seconds, TIMEOUT_SECONDS);
}

/** What looks at the image before it is put in place; undefined when no test is asked for. `proved` gets how it went. */
export function testOf(config: Config, kinds: KindTable, options: TestOptions, progress: (text: string) => void, proved: (proof: Proof) => void): BuildSettings["check"] {
  const asked = options.test === true;
  const given = ["testKernel", "testAnswers", "testExpect"].some((key) => options[key as keyof TestOptions] !== undefined) || options.testDisk.length > 0 || options.testAppend !== "";
  if (!asked && given) throw new MkinitrdError({ tried: "reading the options", on: "the command line", found: "options of a test, and no --test", next: "add --test" });
  if (!asked) return undefined;
  const own = ownDisks(options);
  const append = forTheGuest(options.testAppend);
  const { stages } = parseCommandLine(append, { kinds, defaultRealroot: config.realroot, sealed: config.sealed });
  if (stages.length === 0 && own === undefined) {
    throw new MkinitrdError({ tried: "testing the image", on: "its realroot", found: "the configuration has none, which is what the boot loader gives then", next: "give the test one: --test-append realroot=KIND:FILESYSTEM:DEVICE" });
  }
  return async ({ file, isInPlace, kernelRelease, drivers }) => {
    const { proveImage } = await import("../prove/prove.ts"); // a terminal and all of QEMU, which a build without a test does not wait for
    proved(await proveImage({
      image: file, isInPlace, kernelRelease, drivers, stages, own,
      kernel: options.testKernel === undefined ? undefined : resolve(options.testKernel),
      modulesDirectory: config.modulesDirectory ?? modulesBelow(config.sysroot),
      sysroot: config.sysroot,
      append,
      timeoutMs: options.testTimeout * 1000,
    }, progress));
  };
}

/** Words that a machine's own command line may have and that a guest has of its own: its console, and the init of its root. */
const NOT_THE_GUESTS = ["console", "earlycon", "earlyprintk", "init"];

function forTheGuest(words: string): string {
  return splitCommandLine(words.trim()).filter(({ key }) => !NOT_THE_GUESTS.includes(key)).map(joinWord)
    .map((word) => (/\s/.test(word) ? `"${word}"` : word)).join(" ");
}

function ownDisks({ testDisk, testExpect, testAnswers }: TestOptions): { disks: string[]; answers: ReturnType<typeof readAnswers>; expect: string } | undefined {
  if (testDisk.length === 0 && testExpect === undefined && testAnswers === undefined) return undefined;
  if (testDisk.length === 0 || testExpect === undefined || testExpect === "") {
    throw new MkinitrdError({ tried: "testing the image", on: "a disk of your own", found: testDisk.length === 0 ? "no --test-disk" : "no --test-expect", next: "give both: the disk, and a text that its system prints when it runs" });
  }
  return { disks: testDisk.map((file) => resolve(file)), answers: testAnswers === undefined ? {} : readAnswers(testAnswers, (text) => console.error(`mkinitrd: ${text}`)), expect: testExpect };
}

function seconds(text: string): number {
  const number = Number(text);
  if (/^\d{1,5}$/.test(text) && number > 0) return number;
  throw new InvalidArgumentError("A whole number of seconds.");
}
