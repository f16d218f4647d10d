import { existsSync, mkdirSync, readdirSync, readFileSync, readlinkSync, renameSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { sha256 } from "../layers/hash.ts";
import { markUsed } from "../layers/prune.ts";
import type { BundledScript } from "./bundle.ts";

/** Changes when scripts are bundled or checked in another way. */
const VERSION = 2;
/** A script in a folder with more below it is bundled by each build. */
const MOST_NAMES = 2000;
/** As a file memo's: what changed so lately may change again within the same tick of the clock. */
const SETTLED_MS = 2000;
/** What package managers write whenever they change a node_modules. */
const INSTALLED = [".package-lock.json", ".modules.yaml", ".yarn-state.yml"];

/** A script that was bundled and loaded once, and what it depended on, each with its hash. */
interface Kept {
  code: string;
  /** SHA-256 of the code. */
  hash: string;
  inputs: string[];
  depends: Record<string, string>;
}

/** The script as it was bundled before, when nothing that it was made from has changed; undefined otherwise. */
export function keptScript(cacheDirectory: string, path: string, packageRoot: string): string | undefined {
  try {
    const file = keptFile(cacheDirectory, path, packageRoot);
    const { code, depends, hash } = JSON.parse(readFileSync(file, "utf8")) as Kept;
    if (sha256(code) !== hash) return undefined;
    if (!Object.entries(depends).every(([what, hash]) => hashOf(what) === hash)) return undefined;
    markUsed(file);
    return code;
  } catch {
    return undefined; // there is none, or it was cut short
  }
}

/** Keeps it, unless what it was made from was written to since shortly before `startedMs`: who knows which of the two was bundled. Never throws: it only saves time. */
export function keepScript(cacheDirectory: string, path: string, packageRoot: string, { code, inputs }: BundledScript, startedMs: number): void {
  try {
    if (inputs.some((file) => statSync(file).ctimeMs > startedMs - SETTLED_MS)) return;
    const depends = Object.fromEntries(dependencies(inputs).map((what) => [what, hashOf(what)]));
    const file = keptFile(cacheDirectory, path, packageRoot);
    mkdirSync(cacheDirectory, { recursive: true, mode: 0o700 });
    writeFileSync(`${file}.${process.pid}`, JSON.stringify({ code, hash: sha256(code), inputs, depends } satisfies Kept), { mode: 0o600 });
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
 * All that decides what a name in an import stands for: the files; in the script's own folders, and below them, which files there are and where links lead; and what
 * was installed, by what the package manager notes.
 */
function dependencies(inputs: string[]): string[] {
  const folders = new Set(inputs.filter((file) => !file.includes("/node_modules/")).map(dirname));
  const above = new Set([...folders].flatMap(withParents));
  const installed = [...above].flatMap((folder) => INSTALLED.map((name) => join(folder, "node_modules", name)));
  const packages = [...new Set(inputs.flatMap((file) => withParents(dirname(file))))].map((folder) => join(folder, "package.json"));
  return [...inputs, ...[...folders].map((folder) => `${folder}/**`), ...[...above].map((folder) => join(folder, "node_modules/")), ...installed, ...packages].sort();
}

function withParents(folder: string): string[] {
  return folder === dirname(folder) ? [folder] : [folder, ...withParents(dirname(folder))];
}

/** Of a file's content, of the names in a directory (with a slash behind it, or `/**` for all below) with where its links lead, or of there being nothing. */
function hashOf(what: string): string {
  const isWhole = what.endsWith("/**");
  const path = isWhole ? what.slice(0, -2) : what;
  if (!existsSync(path)) return "absent";
  return sha256(path.endsWith("/") ? namesIn(path, isWhole ? { left: MOST_NAMES } : undefined).sort().join("\0") : readFileSync(path));
}

/** With those of the folders that packages of one owner are in (node_modules/@owner/package); or of all that is below, as far as the budget goes. */
function namesIn(directory: string, budget?: { left: number }): string[] {
  return readdirSync(directory, { withFileTypes: true }).flatMap((entry) => {
    const path = join(directory, entry.name);
    if (budget !== undefined && budget.left-- <= 0) throw new Error(`more than ${MOST_NAMES} files`);
    if (entry.isSymbolicLink()) return [`${entry.name} -> ${readlinkSync(path)}`];
    const goesOn = entry.isDirectory() && (budget === undefined ? entry.name.startsWith("@") : entry.name !== "node_modules");
    return goesOn ? [entry.name, ...namesIn(path, budget).map((name) => `${entry.name}/${name}`)] : [entry.name];
  });
}
