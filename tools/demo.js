// The demo: builds an initrd, makes a disk with a root on LVM inside LUKS, and boots it with the console attached. Where
// there is no terminal it types the passphrase itself and ends when the real root has spoken. Runs under the pinned Node,
// after set-up; each step is a command that a person could have typed.
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { constants, tmpdir } from "node:os";
import { join } from "node:path";
import { parse } from "yaml";
import { vmKernel } from "./kernel.js";
import { dist, pinnedNode, repository } from "./paths.js";

const RECIPE = join(repository, "images/lvm-in-luks.yaml");
const SPOKEN = "REALROOT uptime="; // the first words of the real root's init
const TIMEOUT_SECONDS = 300;

/** @type {{ realroot: string, answers: Record<string, string> }} */
const recipe = parse(readFileSync(RECIPE, "utf8"));
const attended = process.stdin.isTTY === true && process.stdout.isTTY === true;
const folder = mkdtempSync(join(tmpdir(), "mkinitrd-demo-"));
/** @type {import("node:child_process").ChildProcess | undefined} */
let current;
// The command that runs ends, and with it the demo, which leaves nothing behind.
for (const signal of /** @type {const} */ (["SIGINT", "SIGTERM", "SIGHUP"])) process.on(signal, () => void current?.kill(signal));
try {
  process.exitCode = await demo();
} finally {
  rmSync(folder, { recursive: true, force: true });
}

async function demo() {
  const image = join(folder, "initrd.img");
  const modules = ["lib/modules", "usr/lib/modules"].map((path) => join(vmKernel, path)).find((path) => existsSync(path)) ?? vmKernel;
  say("1. An initrd: the Node runtime, rc scripts, cryptsetup, lvm and kernel modules.");
  const built = await mkinitrd("build", "-o", image, "--modules-directory", modules);
  if (built !== 0) return built;
  say("2. A disk whose ext4 root is a logical volume inside of LUKS2, made without root in a virtual machine.");
  const made = await mkinitrd("disk", RECIPE, "-o", folder);
  if (made !== 0) return made;
  const disks = readdirSync(folder).filter((name) => name !== "initrd.img").map((name) => join(folder, name));
  const [secret = ""] = Object.values(recipe.answers);
  say(`3. A boot. ${attended ? "Type the passphrase when it asks" : "The passphrase is typed for you"}: ${secret}`);
  const words = ["loglevel=3", ...recipe.realroot.split(" ").map((spec) => `realroot=${spec}`)].join(" ");
  const status = await mkinitrd("boot", image, ...disks.flatMap((disk) => ["--disk", disk]), "--append", words, ...(attended ? [] : unattended()));
  say(status === 0 ? "The real root's own init ran: the demo is done." : "The real root did not come up; what the machine said is above.");
  return status;
}

/** Options that type the passphrase and end when the real root has spoken. */
function unattended() {
  const answers = join(folder, "answers.yaml");
  writeFileSync(answers, JSON.stringify(recipe.answers), { mode: 0o600 });
  return ["--answers", answers, "--expect", SPOKEN, "--timeout", String(TIMEOUT_SECONDS)];
}

/**
 * Runs `mkinitrd` and gives its exit code.
 * @param {string[]} words
 * @returns {Promise<number>}
 */
function mkinitrd(...words) {
  console.log(`$ mkinitrd ${words.map((word) => (/\s/.test(word) ? `'${word}'` : word)).join(" ")}`);
  const child = spawn(pinnedNode, [join(dist, "host/mkinitrd.js"), ...words], { stdio: "inherit", cwd: repository });
  current = child;
  return new Promise((resolve) => child.once("close", (code, signal) => resolve(code ?? 128 + (signal ? constants.signals[signal] : 0))));
}

/** @param {string} text */
function say(text) {
  console.log(`\n${text}\n`);
}
