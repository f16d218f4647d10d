// npm's scripts: makes sure of what a command needs, then runs it under the pinned Node.
//   node tools/run.js demo|test|bench|fuzz|check|generate|mkinitrd ARGUMENTS…
import { spawn } from "node:child_process";
import { constants } from "node:os";
import { join } from "node:path";
import { programPath } from "./packages.js";
import { dist, npmPrograms, pinnedNode, repository } from "./paths.js";
import { ALL, explainSetup, setUp } from "./setup.js";

/** @typedef {{ needs: import("./setup.js").Part[], words: string[], env?: Record<string, string> }} Job */

/** @type {Record<string, (args: string[]) => Job>} */
const JOBS = {
  mkinitrd: (args) => ({ needs: ["npm", "bundle"], words: [pinnedNode, join(dist, "host/mkinitrd.js"), ...args] }),
  demo: (args) => ({ needs: ALL, words: [pinnedNode, join(repository, "tools/demo.js"), ...args] }),
  test: (args) => ({
    needs: [...ALL, "keymaps", "tests", ...(args.includes("unit") ? [] : /** @type {const} */ (["debootstrap", "stable-kernel", ...(args.includes("--all") ? /** @type {const} */ (["uki", "arm64"]) : [])]))],
    words: ["vitest", "run", ...args.filter((arg) => arg !== "--all")],
    env: args.includes("--all") ? { MKINITRD_TEST_ALL: "1" } : {},
  }),
  bench: (args) => ({ needs: args.includes("--no-peer") ? ALL : [...ALL, "debootstrap"], words: [pinnedNode, join(repository, "bench/main.ts"), ...args] }),
  fuzz: (args) => ({ needs: ["npm"], words: [pinnedNode, "--no-warnings", join(repository, "test/fuzz/main.ts"), ...args] }),
  generate: (args) => ({ needs: ["npm"], words: [pinnedNode, "--no-warnings", join(repository, "tools/generate.js"), ...args] }),
  check: (args) => ({ needs: ["npm"], words: ["tsc", "-p", repository, ...args] }),
};

const [name = "", ...args] = process.argv.slice(2);
const job = Object.hasOwn(JOBS, name) ? JOBS[name]?.(args) : undefined;
if (job === undefined) {
  console.error(`usage: node tools/run.js ${Object.keys(JOBS).join("|")} ARGUMENTS…`);
  process.exitCode = 2;
} else {
  try {
    await setUp(job.needs);
    run(job);
  } catch (error) {
    console.error(explainSetup(error));
    process.exitCode = 1;
  }
}

/**
 * Ends as the program ends, by the same exit code or signal.
 * @param {Job} job
 */
function run({ words: [program = "", ...rest], env = {} }) {
  const child = spawn(program, rest, {
    stdio: "inherit",
    // The person's directory: paths in arguments are relative to it. npm starts us in the repository.
    cwd: name === "mkinitrd" ? process.env.INIT_CWD || process.cwd() : repository,
    env: { ...process.env, PATH: `${npmPrograms}:${programPath()}`, ...env },
  });
  // A terminal sends these to the child as well; the child decides.
  for (const signal of ["SIGINT", "SIGQUIT"]) process.on(signal, () => {});
  for (const signal of /** @type {const} */ (["SIGTERM", "SIGHUP"])) process.on(signal, () => child.kill(signal));
  child.once("error", (error) => {
    console.error(`starting ${program}: ${error.message}`);
    process.exitCode = 1;
  });
  child.once("exit", (code, signal) => {
    process.exitCode = code ?? 128 + (signal ? constants.signals[signal] : 0);
    if (signal) endBy(signal);
  });
}

/** @param {NodeJS.Signals} signal */
function endBy(signal) {
  process.removeAllListeners(signal);
  process.kill(process.pid, signal);
}
