import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { command, say, SetupError } from "./command.js";
import { withLock } from "./lock.js";
import { dist, pinnedNode, repository } from "./paths.js";

/** Installs the npm packages of the lockfile, the pinned Node among them, unless just these are there. */
export async function installNpmPackages() {
  if (isInstalled()) return;
  await withLock(join(dist, ".npm-lock"), async () => {
    if (isInstalled()) return;
    say("installing npm packages: npm ci");
    await command("npm", ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"], { cwd: repository });
    if (!isInstalled()) throw new SetupError(`npm ci brought no Node for ${process.platform} on ${process.arch}; there is one for linux on x64 and arm64`);
  });
}

/** npm writes what it installed beside the packages, last of all. */
function isInstalled() {
  const record = join(repository, "node_modules/.package-lock.json");
  if (!existsSync(record) || !existsSync(pinnedNode)) return false;
  const wanted = packages(join(repository, "package-lock.json"));
  const installed = packages(record);
  return Object.entries(wanted).every(([path, { version, optional }]) => {
    const found = installed[path];
    return path === "" || (found === undefined ? optional === true : found.version === version);
  });
}

/**
 * @param {string} lockfile
 * @returns {Record<string, { version?: string, optional?: boolean }>}
 */
function packages(lockfile) {
  return JSON.parse(readFileSync(lockfile, "utf8")).packages ?? {};
}
