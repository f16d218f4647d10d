import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { sha256 } from "../layers/hash.ts";
import { markUsed } from "../layers/prune.ts";
import type { BundledScript } from "./bundle.ts";

/** Changes when scripts are bundled or checked in another way. */
const VERSION = 1;
/** What package managers write whenever they change a node_modules. */
const INSTALLED = [".package-lock.json", ".modules.yaml", ".yarn-state.yml"];

/** A script that was bundled and loaded once, and what it depended on, each with its hash. */
interface Kept {
  code: string;
  inputs: string[];
  depends: Record<string, string>;
}

/** The script as it was bundled before, when nothing that it was made from has changed; undefined otherwise. */
export function keptScript(cacheDirectory: string, path: string, packageRoot: string): string | undefined {
  try {
    const file = keptFile(cacheDirectory, path, packageRoot);
    const { code, depends } = JSON.parse(readFileSync(file, "utf8")) as Kept;
    if (!Object.entries(depends).every(([what, hash]) => hashOf(what) === hash)) return undefined;
    markUsed(file);
    return code;
  } catch {
    return undefined; // there is none, or it was cut short
  }
}

/** Keeps it. Never throws: it only saves time. */
export function keepScript(cacheDirectory: string, path: string, packageRoot: string, { code, inputs }: BundledScript): void {
  const depends = Object.fromEntries(dependencies(inputs).map((what) => [what, hashOf(what)]));
  try {
    const file = keptFile(cacheDirectory, path, packageRoot);
    mkdirSync(cacheDirectory, { recursive: true, mode: 0o700 });
    writeFileSync(`${file}.${process.pid}`, JSON.stringify({ code, inputs, depends } satisfies Kept), { mode: 0o600 });
    renameSync(`${file}.${process.pid}`, file);
  } catch {
    // The next build does it again.
  }
}

function keptFile(cacheDirectory: string, path: string, packageRoot: string): string {
  const pinned = readFileSync(join(packageRoot, "package.json")); // the bundler's version among it
  return join(cacheDirectory, `${sha256([VERSION, process.version, pinned, packageRoot, path].join("\0")).slice(0, 32)}.json`);
}

/**
 * All that decides what a name in an import stands for: the files; in the script's own folders which files there are; and what
 * was installed, by what the package manager notes.
 */
function dependencies(inputs: string[]): string[] {
  const folders = new Set(inputs.filter((file) => !file.includes("/node_modules/")).map(dirname));
  const above = new Set([...folders].flatMap(withParents));
  const installed = [...above].flatMap((folder) => INSTALLED.map((name) => join(folder, "node_modules", name)));
  const packages = [...new Set(inputs.flatMap((file) => withParents(dirname(file))))].map((folder) => join(folder, "package.json"));
  return [...inputs, ...[...folders].map((folder) => `${folder}/`), ...[...above].map((folder) => join(folder, "node_modules/")), ...installed, ...packages].sort();
}

function withParents(folder: string): string[] {
  return folder === dirname(folder) ? [folder] : [folder, ...withParents(dirname(folder))];
}

/** Of a file's content, of the names in a directory (with a slash behind it), or of there being nothing. */
function hashOf(what: string): string {
  if (!existsSync(what)) return "absent";
  return sha256(what.endsWith("/") ? readdirSync(what).sort().join("\0") : readFileSync(what));
}
