// npm run runtime -- arm64: Node for images of another architecture, from the lockfile's version and hash. It only lands in the cache.
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { command, say, SetupError } from "./command.js";
import { withLock } from "./lock.js";
import { cache, repository } from "./paths.js";

const PREFIX = "node_modules/node-linux-";

/**
 * Downloads npm's package of Node's binary, checks it and keeps the binary, unless it is there. Gives its path.
 * @param {string} architecture in Node's words: `arm64`
 */
export async function fetchRuntime(architecture) {
  const { version, integrity } = pinned(architecture);
  const file = join(cache, "runtimes", `node-${version}-linux-${architecture}`, "node");
  if (existsSync(file)) return file;
  await withLock(join(cache, "runtimes/.lock"), async () => {
    if (existsSync(file)) return;
    const name = `node-linux-${architecture}@${version}`;
    say(`downloading Node for ${architecture}: ${name}`);
    mkdirSync(dirname(file), { recursive: true });
    const folder = mkdtempSync(join(cache, "runtimes/.new-"));
    try {
      const packed = (await command("npm", ["pack", name, "--silent", "--pack-destination", folder])).trim().split("\n").at(-1) ?? "";
      const found = `sha512-${createHash("sha512").update(readFileSync(join(folder, packed))).digest("base64")}`;
      if (found !== integrity) throw new SetupError(`downloading ${name}: its hash is ${found}, the lockfile says ${integrity}`);
      await command("tar", ["-xzf", join(folder, packed), "-C", folder, "package/bin/node"]);
      renameSync(join(folder, "package/bin/node"), file);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
  return file;
}

/**
 * What the lockfile says of it.
 * @param {string} architecture
 * @returns {{ version: string, integrity: string }}
 */
function pinned(architecture) {
  const { packages } = JSON.parse(readFileSync(join(repository, "package-lock.json"), "utf8"));
  const found = packages[`${PREFIX}${architecture}`];
  if (found !== undefined) return found;
  const known = Object.keys(packages).filter((path) => path.startsWith(PREFIX)).map((path) => path.slice(PREFIX.length));
  throw new SetupError(`there is no Node for ${architecture || "no architecture"}; known: ${known.join(", ")}`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  try {
    console.log(await fetchRuntime(process.argv[2] ?? ""));
  } catch (error) {
    console.error(error instanceof SetupError ? error.message : error);
    process.exitCode = 1;
  }
}
