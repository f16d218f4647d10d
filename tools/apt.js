import { setTimeout as sleep } from "node:timers/promises";
import { command, say, SetupError } from "./command.js";
import { findProgram } from "./packages.js";

/** @typedef {import("./packages.js").Need} Need */

const LOCK_TRIES = 60;
const LOCK_PAUSE_MS = 5000;
const LOCK_OPTION = ["-o", "DPkg::Lock::Timeout=300"];

/**
 * Installs the Debian packages of these programs.
 * @param {Need[]} needs
 */
export async function install(needs) {
  if (needs.length === 0) return;
  requireApt(needs);
  const packages = [...new Set(needs.map((need) => need.package))];
  say(`installing Debian packages: ${packages.join(" ")}`);
  await update();
  await asRoot(needs, ["apt-get", "install", "-y", "-qq", "--no-install-recommends", ...LOCK_OPTION, ...packages]);
  const still = needs.filter(({ program }) => findProgram(program) === undefined);
  if (still.length > 0) throw new SetupError(`after the installation of ${packages.join(" ")} these are missing: ${names(still)}`);
}

/** Reads the lists of packages anew. */
export async function update() {
  for (let attempt = 1; ; attempt++) {
    try {
      return await asRoot([], ["apt-get", "update", "-qq"]);
    } catch (error) {
      // apt waits for dpkg's lock, but not for that of the lists.
      const locked = error instanceof SetupError && /Could not get lock/.test(error.message);
      if (!locked || attempt === LOCK_TRIES) throw error;
      if (attempt === 1) say("waiting for another apt-get");
      await sleep(LOCK_PAUSE_MS);
    }
  }
}

/**
 * Throws where there is no apt-get, listing what is to be installed by hand.
 * @param {Need[]} needs
 */
export function requireApt(needs) {
  if (findProgram("apt-get") !== undefined) return;
  const list = needs.map((need) => `  ${need.program.padEnd(20)} ${need.purpose} (Debian: ${need.package})`);
  throw new SetupError(["this is not Debian: there is no apt-get. Install these programs, then start again:", ...list].join("\n"));
}

/**
 * @param {Need[]} needs what the command is to bring, for the message
 * @param {string[]} words
 */
function asRoot(needs, words) {
  const env = { DEBIAN_FRONTEND: "noninteractive" };
  const [program = "", ...args] = words;
  if (process.getuid?.() === 0) return command(program, args, { env });
  if (findProgram("sudo") !== undefined) return command("sudo", ["env", "DEBIAN_FRONTEND=noninteractive", ...words]);
  const wanted = needs.length > 0 ? `${names(needs)} missing` : "package lists to be read";
  throw new SetupError(`${wanted}: this user is not root and there is no sudo. As root: ${words.join(" ")}`);
}

/** @param {Need[]} needs */
function names(needs) {
  return needs.map(({ program }) => program).join(", ");
}
