import { spawn } from "node:child_process";
import { programPath } from "./packages.js";

/** What a set-up step could not do, for the person who started it: printed without a stack. */
export class SetupError extends Error {}

/** A line about what is going on. Results of commands own standard output. @param {string} text */
export const say = (text) => void process.stderr.write(`set-up: ${text}\n`);

/**
 * Runs a program quietly and gives its standard output. Throws SetupError with the end of what it printed.
 * @param {string} program
 * @param {string[]} args
 * @param {{ cwd?: string, env?: Record<string, string> }} [options]
 * @returns {Promise<string>}
 */
export function command(program, args, { cwd, env = {} } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      cwd,
      env: { ...process.env, PATH: programPath(), ...env },
      stdio: ["inherit", "pipe", "pipe"], // sudo may ask for a password
    });
    let [stdout, stderr] = ["", ""];
    child.stdout.on("data", (chunk) => (stdout += chunk));
    child.stderr.on("data", (chunk) => (stderr += chunk));
    child.once("error", (error) => reject(new SetupError(`running ${program}: ${error.message}`)));
    child.once("close", (code, signal) => {
      if (code === 0) return resolve(stdout);
      const last = (stderr.trim() || stdout.trim()).split("\n").slice(-8).join("\n  ");
      reject(new SetupError(`running ${program} ${args.join(" ")}: it ended with ${code ?? signal}\n  ${last}`));
    });
  });
}
