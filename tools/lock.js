import { spawn } from "node:child_process";
import { mkdirSync } from "node:fs";
import { dirname } from "node:path";

/**
 * Runs `work` while this process alone holds the lock file; others wait for it. The lock is flock(2)'s, held by a
 * child whose standard input is ours: however this process ends, the kernel frees it.
 * @template T
 * @param {string} file
 * @param {() => Promise<T>} work
 * @returns {Promise<T>}
 */
export async function withLock(file, work) {
  mkdirSync(dirname(file), { recursive: true });
  const holder = spawn("flock", ["--exclusive", file, "sh", "-c", "echo; exec cat"], {
    stdio: ["pipe", "pipe", "inherit"],
    detached: true, // Ctrl-C reaches us first, and the lock goes when we do
  });
  await new Promise((resolve, reject) => {
    holder.once("error", (error) => reject(new Error(`locking ${file}: ${error.message} (flock is in util-linux)`)));
    holder.once("exit", (code) => reject(new Error(`locking ${file}: flock ended with ${code}`)));
    holder.stdout.once("data", resolve);
  });
  try {
    return await work();
  } finally {
    const ended = new Promise((resolve) => holder.once("close", resolve));
    holder.stdin.end();
    await ended;
  }
}
