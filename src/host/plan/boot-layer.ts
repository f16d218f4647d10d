import { existsSync, readdirSync, readlinkSync, statSync, type Dirent } from "node:fs";
import { join } from "node:path";
import type { BootConfig, RescuePolicy } from "../../core/rc/boot-config.ts";
import { MkinitrdError } from "../../core/errors.ts";
import { describeIoError } from "../read-text.ts";
import { statOf } from "../stat.ts";
import type { HostFacts, ImageConfig } from "./facts.ts";
import { directory, link } from "./paths.ts";
import { scriptPath, type ChosenScripts } from "./scripts.ts";
import type { Entry } from "./types.ts";

const HOME = "usr/lib/mkinitrd";
/** Where the builder's decisions lie in the image. */
export const BOOT_CONFIG_PATH = "etc/mkinitrd/boot.json";

/** The boot layer: /init, the boot program, and our own rc scripts. */
export function planBoot(facts: Pick<HostFacts, "bootProgram" | "bootSnapshot" | "init">, chosen: ChosenScripts): Entry[] {
  const program = files(facts.bootProgram).filter((path) => !path.startsWith("rc.d/"));
  if (!program.includes("boot.cjs")) {
    throw new MkinitrdError({ tried: "planning the boot program", on: facts.bootProgram, found: "boot.cjs is missing", next: "npm run build" });
  }
  const snapshot = facts.bootSnapshot;
  return [
    { path: "init", mode: 0o755, reason: "pid 1", type: "file", from: { file: facts.init } },
    ...program.map((path): Entry => ({ path: `${HOME}/${path}`, mode: 0o644, reason: "the boot program", type: "file", from: { file: join(facts.bootProgram, path) } })),
    ...(snapshot === undefined ? [] : [{ path: `${HOME}/boot.blob`, mode: 0o644, reason: "the boot program with what it loads", type: "file", from: { file: snapshot } } satisfies Entry]),
    ...chosen.scripts.filter(({ origin }) => origin !== "configuration").map(scriptEntry),
  ];
}

/** The site layer: what the user's configuration says and brings. `imageId` is left empty: it is known when the other layers are. */
export function planSite(config: ImageConfig, chosen: ChosenScripts, rescue: RescuePolicy, { hostname, keymaps = [] }: { hostname?: string | undefined; keymaps?: string[] } = {}): Entry[] {
  const boot: BootConfig = {
    steps: chosen.steps,
    kinds: chosen.kinds,
    realroot: config.realroot,
    sealed: config.sealed,
    encrypted: chosen.encrypted,
    timeoutMs: config.timeoutMs,
    rescue,
    ...(hostname === undefined ? {} : { hostname }),
    ...(keymaps.length === 0 ? {} : { keymaps }),
    imageId: "",
  };
  return [
    bootConfigEntry(boot),
    ...chosen.scripts.filter(({ origin }) => origin === "configuration").map(scriptEntry),
    ...config.files.flatMap(({ from, to, mode }) => siteFiles(from, to.replace(/^\/+/, ""), mode)),
  ];
}

/** The entry that holds the builder's decisions. */
export function bootConfigEntry(boot: BootConfig): Entry {
  return { path: BOOT_CONFIG_PATH, mode: 0o600, reason: "the configuration", type: "file", from: { bytes: Buffer.from(`${JSON.stringify(boot, undefined, 2)}\n`) } };
}

function scriptEntry({ name, from, header, source, origin }: ChosenScripts["scripts"][number]): Entry {
  const why = header.keyword.length === 0 ? "a boot step" : `serves ${header.keyword.join(", ")}`;
  return { path: `${HOME}/${scriptPath(name)}`, mode: 0o644, reason: `${source}, ${origin === "configuration" ? "scripts: of the configuration, " : ""}${why}`, type: "file", from };
}

/** One file, or a directory with all files and links that are in it. */
function siteFiles(from: string, to: string, mode: number | undefined): Entry[] {
  const stats = statOf(from);
  if (stats === undefined) {
    throw new MkinitrdError({ tried: `adding /${to} to the image`, on: from, found: "no such file", next: "correct files: in the configuration" });
  }
  if (!stats.isFile() && !stats.isDirectory()) {
    throw new MkinitrdError({ tried: `adding /${to} to the image`, on: from, found: "it is neither a file nor a directory", next: "correct files: in the configuration" });
  }
  if (stats.isFile()) return [siteFile(from, to, mode ?? stats.mode & 0o777)];
  const empty = ["", ...below(from, (each) => each.isDirectory())].filter((path) => namesIn(join(from, path)).length === 0);
  const directories = empty.map((path) => directory(join(to, path), SITE_REASON, statSync(join(from, path)).mode & 0o777));
  const links = below(from, (each) => each.isSymbolicLink()).map((path) => link(`${to}/${path}`, readlinkSync(join(from, path)), SITE_REASON));
  return [...files(from).map((path) => siteFile(join(from, path), `${to}/${path}`, mode ?? statSync(join(from, path)).mode & 0o777)), ...directories, ...links];
}
const SITE_REASON = "files: of the configuration";

function siteFile(file: string, path: string, mode: number): Entry {
  return { path, mode, reason: SITE_REASON, type: "file", from: { file } };
}

/** Paths of all files below a directory, sorted. */
function files(directory: string): string[] {
  return existsSync(directory) ? below(directory, (each) => each.isFile()) : [];
}

/** Paths relative to a directory of what is below it; what a link leads to is not. Node's own `recursive` goes through links. */
function below(directory: string, wanted: (each: Dirent) => boolean): string[] {
  const walk = (parent: string): string[] => namesIn(join(directory, parent)).flatMap((each) => {
    const path = join(parent, each.name);
    return [...(wanted(each) ? [path] : []), ...(each.isDirectory() ? walk(path) : [])];
  });
  return walk("").sort();
}

function namesIn(directory: string): Dirent[] {
  try {
    return readdirSync(directory, { withFileTypes: true });
  } catch (cause) {
    throw new MkinitrdError({ tried: "reading a directory for the image", on: directory, found: describeIoError(cause), next: "let it be read, or take it out of files: in the configuration", cause });
  }
}
