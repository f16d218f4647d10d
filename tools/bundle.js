// Makes dist/ from src/ and rc.d/: see bundle-build.js for what is made. This file decides whether it has to be.
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { withLock } from "./lock.js";
import { dist, pinnedNode, repository } from "./paths.js";

const STAMP = join(dist, ".stamp");
const SOURCE = /\.(tsx?|js|json)$/;

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  try {
    await bundle({ force: process.argv.includes("--force") });
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  }
}

/**
 * Brings dist/ up to date with the sources; does nothing when it is. Safe to be called by many processes at once.
 * @param {{ force?: boolean }} [options]
 * @returns {Promise<boolean>} whether anything was made
 */
export async function bundle({ force = false } = {}) {
  if (!force && isFresh()) return false;
  return withLock(join(dist, ".lock"), async () => {
    if (!force && isFresh()) return false; // someone else made it while we waited
    const sources = sourceStamp(); // before: what changes meanwhile is bundled the next time
    await build();
    writeFileSync(STAMP, `${sources} ${madeStamp()}`);
    return true;
  });
}

/** A hash over every source's path, size and modification time, and over what else decides the result. */
export function sourceStamp() {
  const hash = createHash("sha256");
  for (const file of sources()) {
    const { size, mtimeMs } = statSync(join(repository, file));
    hash.update(`${file}\0${size}\0${mtimeMs}\0`);
  }
  return hash.digest("hex");
}

function isFresh() {
  return existsSync(STAMP) && readFileSync(STAMP, "utf8") === `${sourceStamp()} ${madeStamp()}`;
}

/** A hash over what was made, with its content: after a power cut a file may have its size and time, and hold zeros. */
function madeStamp() {
  const hash = createHash("sha256");
  for (const folder of ["host", "image", "rc"].map((name) => join(dist, name)).filter((path) => existsSync(path))) {
    for (const path of readdirSync(folder, { recursive: true, encoding: "utf8" }).sort()) {
      const file = join(folder, path);
      if (statSync(file, { throwIfNoEntry: false })?.isFile() === true) hash.update(`${file.slice(dist.length)}\0`).update(readFileSync(file));
    }
  }
  return hash.digest("hex");
}

function sources() {
  const found = ["package.json", "package-lock.json"];
  for (const folder of ["src", "rc.d", "images", "tools"]) collect(folder, found);
  return found.sort();
}

/**
 * @param {string} folder
 * @param {string[]} found
 */
function collect(folder, found) {
  if (!existsSync(join(repository, folder))) return;
  for (const entry of readdirSync(join(repository, folder), { withFileTypes: true })) {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory()) collect(path, found);
    else if (SOURCE.test(entry.name)) found.push(path);
  }
}

/** In a process of its own: the pinned Node knows how to strip types, and rolldown's threads end with it. */
function build() {
  return new Promise((resolve, reject) => {
    const child = spawn(pinnedNode, ["--no-warnings", join(repository, "tools/bundle-build.js")], {
      stdio: ["ignore", "ignore", "pipe"],
    });
    let errors = "";
    child.stderr.on("data", (chunk) => (errors += chunk));
    child.once("error", (error) => reject(new Error(`bundling: ${error.message}; run npm run setup`)));
    child.once("close", (code) =>
      code === 0 ? resolve(undefined) : reject(new Error(`bundling: ${errors.trim() || `exit code ${code}`}`)),
    );
  });
}
