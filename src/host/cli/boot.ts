import { existsSync } from "node:fs";
import { release } from "node:os";
import { Command, InvalidArgumentError } from "commander";
import { MkinitrdError } from "../../core/errors.ts";
import { cacheDirectory } from "../cache.ts";
import { chooseAccelerator } from "../qemu/accelerator.ts";
import { type Answers, readAnswers, typeAnswers } from "../qemu/answers.ts";
import { attachTerminal, QUIT_KEYS } from "../qemu/attach.ts";
import { checkImage, checkImageRuns } from "../qemu/check-image.ts";
import { describeExit, type Guest, type GuestExit, startGuest } from "../qemu/guest.ts";
import { machineFor } from "../qemu/kernel-architecture.ts";
import { kernelCommandLine, type Machine } from "../qemu/machine.ts";
import { findVmKernel } from "../qemu/vm-kernel.ts";
import { statOf } from "../stat.ts";
import { EXIT, exitCodesHelp } from "./exit-codes.ts";

const MEMORY_MIB = 1024;
const TIMEOUT_SECONDS = 180;

const HELP = `
The guest's writes to its disks are thrown away unless --write is given. On a terminal the guest's console is attached:
${QUIT_KEYS}. Elsewhere what the guest writes is printed as it comes. The
guest has no network but with --network: a card that gets its address by DHCP, and this machine at 10.0.2.2. QEMU uses KVM where a probe guest really runs with it; MKINITRD_ACCELERATOR=kvm or tcg decides otherwise.
The kernel file says whether the guest is an x86-64 or an arm64 machine; for another than this one QEMU uses TCG.

--display shows the guest's screen as QEMU's -display does (gtk and sdl are in Debian's qemu-system-gui). Its /dev/console is the
serial one all the same; --append console=tty0 makes it the screen.

The answers are a YAML file of prompt: secret, each typed once when its prompt appears on the screen; a list is typed one
by one as the prompt comes again:
  Passphrase for: [a wrong one, correct horse]

${exitCodesHelp("boot")}

  mkinitrd boot initrd.img --disk disk.img --append realroot=local:ext4:UUID=2f1c7c5e-7e9e-4d6d-8f3e-0d9b1d0a6c01
  mkinitrd boot initrd.img --disk disk.img --answers answers.yaml --expect REALROOT --timeout 120`;

interface BootOptions {
  disk: string[];
  kernel?: string;
  append: string;
  memory: number;
  expect?: string;
  timeout?: number;
  answers?: string;
  display?: string;
  network?: true;
  write?: true;
  json?: true;
}

/** How a boot went, for --json. */
interface BootReport {
  /** The expected text came, or without one the guest powered itself off. */
  ok: boolean;
  seconds: number;
  /** How often TCG broke the guest before /init, and it was started again. */
  restarts: number;
  accelerator: Machine["accelerator"];
  outcome: string;
  console: string;
}

/** `mkinitrd boot`: an image and disks → a virtual machine with its console attached. */
export function bootCommand(): Command {
  return new Command("boot")
    .description("Boots an image in a virtual machine, with the console attached.")
    .argument("<image>", "the initrd")
    .option("-d, --disk <file>", "a disk of the guest, in order: /dev/vda, /dev/vdb, …", collect, [])
    .option("--kernel <file>", "the kernel; the virtual machines' own when not given, else this machine's")
    .option("--append <words>", "words for the kernel command line", "")
    .option("--memory <mib>", "the guest's memory in MiB", wholeNumber(64, 1024 * 1024), MEMORY_MIB)
    .option("--expect <text>", "wait until this text stands on the console, then end the guest", someText)
    .option("--timeout <seconds>", `how long to wait for it, or for the guest's end (default: ${TIMEOUT_SECONDS}; on a terminal without --expect no limit)`, wholeNumber(1, 24 * 60 * 60))
    .option("--answers <file>", "what to type at which prompt, in YAML")
    .option("--display <how>", "a VGA screen with a keyboard as well, as console=tty0: gtk, sdl, vnc=127.0.0.1:1", someText)
    .option("--network", "give the guest a network card")
    .option("--write", "let the guest write to its disks")
    .option("--json", "print how it went as JSON; the console goes to standard error")
    .addHelpText("after", HELP)
    .action(run);
}

async function run(image: string, options: BootOptions): Promise<void> {
  const answers = options.answers === undefined ? {} : readAnswers(options.answers, (text) => console.error(`mkinitrd: ${text}`));
  const machine = await planMachine(image, options);
  const report = await watch(machine, options, answers);
  if (options.json === true) console.log(JSON.stringify(report, undefined, 2));
  if (!report.ok) process.exitCode = EXIT.failed;
}

async function planMachine(image: string, { disk, kernel = defaultKernel(), append, memory, display, network, write }: BootOptions): Promise<Machine> {
  for (const [what, file] of [["the image", image], ["the kernel", kernel], ...disk.map((file) => ["a disk", file])] as [string, string][]) {
    const stats = statOf(file);
    if (stats === undefined) throw new MkinitrdError({ tried: `opening ${what}`, on: file, found: "no such file" });
    if (stats.isDirectory()) throw new MkinitrdError({ tried: `opening ${what}`, on: file, found: "it is a directory" });
    if (!stats.isFile() && !stats.isBlockDevice()) throw new MkinitrdError({ tried: `opening ${what}`, on: file, found: "it is neither a file nor a block device" }); // a pipe would be waited for
  }
  checkImage(image);
  const platform = machineFor(kernel);
  await checkImageRuns(image, kernel, platform.architecture);
  return {
    ...platform, kernel, initrd: image, append: kernelCommandLine(append, { ...platform, vga: display !== undefined }), memoryMiB: memory, smp: 2,
    accelerator: await chooseAccelerator(kernel, cacheDirectory()),
    disks: disk.map((file) => ({ file, format: isQcow2(file) ? "qcow2" : "raw", snapshot: write !== true })),
    ...(display === undefined ? {} : { display }),
    ...(network === undefined ? {} : { network }),
  };
}

/** Runs the machine with its console on ours until the text came, the guest ended, the time was over or the person quit. */
async function watch(machine: Machine, options: BootOptions, answers: Answers): Promise<BootReport> {
  const started = performance.now();
  const output = options.json === true ? process.stderr : process.stdout;
  const attached = process.stdin.isTTY === true && output.isTTY === true;
  const guest = startGuest(machine, { onOutput: (bytes) => void output.write(bytes), attached });
  const stop = new AbortController();
  const onSignal = (signal: NodeJS.Signals): void => stop.abort(`ended by ${signal}`);
  for (const signal of SIGNALS) process.once(signal, onSignal);
  if (attached) console.error(QUIT_KEYS);
  const detach = attached ? attachTerminal(process.stdin, guest.type, () => stop.abort("ended by the person at the keyboard")) : () => {};
  void typeAnswers(guest, answers);
  try {
    const isWatched = attached || machine.display !== undefined; // else nobody is there who could end it
    const { ok, outcome } = await Promise.race([conclude(guest, options, isWatched), aborted(stop.signal)]);
    await guest.end();
    detach();
    console.error(`\n${outcome}${guest.restarts() === 0 ? "" : ` (started again ${guest.restarts()} times: TCG broke the guest before /init)`}`);
    return { ok, seconds: (performance.now() - started) / 1000, restarts: guest.restarts(), accelerator: machine.accelerator, outcome, console: guest.log() };
  } finally {
    detach();
    await guest.end();
    for (const signal of SIGNALS) process.off(signal, onSignal);
  }
}
const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

interface Outcome {
  ok: boolean;
  outcome: string;
}

async function conclude(guest: Guest, { expect, timeout }: BootOptions, isWatched: boolean): Promise<Outcome> {
  const seconds = timeout ?? TIMEOUT_SECONDS;
  if (expect === undefined) return afterExit(await Promise.race([guest.exited, ...(timeout === undefined && isWatched ? [] : [after(seconds)])]), seconds);
  const text = JSON.stringify(expect);
  const came = await guest.waitFor(expect, { timeoutMs: seconds * 1000 }).then(() => true, () => false);
  if (came) return { ok: true, outcome: `the text ${text} came` };
  const exit = await Promise.race([guest.exited, undefined]); // its own error would repeat the console, which was shown
  return { ok: false, outcome: exit === undefined ? `the text ${text} did not come in ${seconds} s` : `the text ${text} did not come: ${describeExit(exit)}` };
}

function afterExit(exit: GuestExit | undefined, seconds: number): Outcome {
  if (exit === undefined) return { ok: false, outcome: `the guest still ran after ${seconds} s, and was ended; --timeout SECONDS gives it longer` };
  return { ok: exit.reason === "guest-shutdown", outcome: describeExit(exit) };
}

function after(seconds: number): Promise<undefined> {
  return new Promise((resolve) => setTimeout(resolve, seconds * 1000, undefined).unref());
}

function aborted(signal: AbortSignal): Promise<Outcome> {
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve({ ok: false, outcome: String(signal.reason) })));
}

/** The virtual machines' kernel where set-up has fetched it, else the one that runs here. */
function defaultKernel(): string {
  try {
    return findVmKernel().image;
  } catch (error) {
    const own = `/boot/vmlinuz-${release()}`;
    if (existsSync(own)) return own;
    throw error;
  }
}

function isQcow2(file: string): boolean {
  return file.endsWith(".qcow2") && statOf(file)?.isFile() === true;
}

function collect(value: string, before: string[]): string[] {
  return [...before, value];
}

/** An empty one stands on every console: a script whose variable is unset would see each boot succeed. */
function someText(text: string): string {
  if (text !== "") return text;
  throw new InvalidArgumentError("It is empty.");
}

function wholeNumber(least: number, most: number): (text: string) => number {
  return (text) => {
    const number = Number(text);
    if (/^\d+$/.test(text) && number >= least && number <= most) return number;
    throw new InvalidArgumentError(`A whole number from ${least} to ${most}.`);
  };
}
