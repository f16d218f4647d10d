import { dirname, resolve } from "node:path";
import type { z } from "zod";
import type { KindTable, Stage } from "../../core/realroot/types.ts";
import { readText } from "../read-text.ts";
import { configSchema } from "./schema.ts";
import { parseRealrootKey } from "./realroot-key.ts";
import { parseYaml } from "./yaml-document.ts";
import type { RescueSettings } from "../plan/rescue.ts";
import type { UkiSettings } from "../image/uki.ts";
import type { Compression } from "../layers/types.ts";
import type { MicrocodeChoice } from "../plan/microcode.ts";
import { withLevel } from "./compression.ts";

/** What to build. Paths on this machine are absolute. */
export interface Config {
  /** The default spec, stages separated by blanks; empty for none. */
  realroot: string;
  /** Kinds that the image serves, beside those of the default spec. */
  realroots: string[];
  /** Kernel release; without it the newest. */
  kernel?: string;
  /** Without it lib/modules of the sysroot. */
  modulesDirectory?: string;
  sysroot: string;
  /** The Node binary that goes in. */
  runtime?: string;
  modules: { set: "generic" | "auto" | "none"; add: string[]; omit: string[] };
  /** Whose microcode goes in front. */
  microcode: MicrocodeChoice;
  /** Bare names or absolute paths within the sysroot. */
  programs: string[];
  /** `to` is absolute, `mode` permission bits. */
  files: { from: string; to: string; mode?: number }[];
  /** Paths in the image of secrets that may lie where everybody reads them. */
  expose: string[];
  /** The crypttab to pack. */
  crypttab?: string;
  /** What the prompt calls the machine; `auto` is what the sysroot's /etc/hostname says. */
  hostname?: string;
  /** Keymaps to pack: names, absolute paths, and `auto` for this machine's own. */
  keymaps: string[];
  /** The user's own rc scripts: files, and directories of them. */
  scripts: string[];
  compression: Compression;
  output: string;
  /** The output is a unified kernel image. */
  uki?: UkiSettings;
  timeoutMs: number;
  sealed: boolean;
  manifest: boolean;
  rescue: RescueSettings;
  /** The file as read, for errors that later stages find. */
  source: { fileName: string; text: string };
}


/** Reads and checks a configuration file. Throws when it can't be read, and with line and column when it is wrong. */
export async function readConfig(path: string): Promise<Config> {
  return parseConfig(readText(path, { tried: "reading the configuration", next: "-c FILE names another one" }), path);
}

/** The configuration that a text is. Relative paths start at the folder of `fileName`, which need not exist. */
export function parseConfig(text: string, fileName: string): Config {
  const file = parseYaml(configSchema, text, fileName);
  const path = (relative: string) => resolve(dirname(fileName), relative);
  return {
    realroot: file.realroot.trim(),
    realroots: file.realroots,
    ...(file.kernel === undefined ? {} : { kernel: file.kernel }),
    ...(file["modules-directory"] === undefined ? {} : { modulesDirectory: path(file["modules-directory"]) }),
    sysroot: path(file.sysroot),
    ...(file.runtime === undefined ? {} : { runtime: path(file.runtime) }),
    modules: readModules(file.modules),
    microcode: file.microcode,
    programs: file.programs,
    files: file.files.map(({ from, to, mode }) => ({ from: path(from), to, ...(mode === undefined ? {} : { mode: parseInt(mode, 8) }) })),
    expose: file.expose,
    ...(file.crypttab === undefined ? {} : { crypttab: path(file.crypttab) }),
    ...(file.hostname === undefined ? {} : { hostname: file.hostname }),
    keymaps: file.keymaps.map((keymap) => (keymap.includes("/") ? path(keymap) : keymap)),
    scripts: file.scripts.map(path),
    compression: readCompression(file.compression),
    output: path(file.output),
    ...(file.uki === false ? {} : { uki: readUki(file.uki, path) }),
    timeoutMs: file.timeout * 1000,
    sealed: file.sealed,
    manifest: file.manifest,
    rescue: readRescue(file.rescue, path),
    source: { fileName, text },
  };
}

/** Parses the default spec with the kinds that the image will serve. Throws with its line and column in the configuration. */
export function checkConfigRealroot(config: Config, kinds: KindTable): Stage[] {
  return parseRealrootKey(config.realroot, kinds, config.source);
}

type ConfigFile = z.infer<typeof configSchema>;

function readUki(uki: Exclude<ConfigFile["uki"], false>, path: (relative: string) => string): UkiSettings {
  const { cmdline, stub } = uki === true ? {} : uki;
  return { ...(cmdline === undefined ? {} : { commandLine: cmdline }), ...(stub === undefined ? {} : { stub: path(stub) }) };
}

function readRescue(rescue: ConfigFile["rescue"], path: (relative: string) => string): RescueSettings {
  const { "password-file": file, "password-hash": hash } = rescue;
  return {
    ...(file === undefined ? {} : { passwordFile: path(file) }),
    ...(hash === undefined ? {} : { passwordHash: hash }),
    onFailure: rescue["on-failure"],
    delayMs: rescue.delay * 1000,
    rounds: rescue.rounds,
    ...(rescue.report === undefined ? {} : { report: rescue.report }),
  };
}

function readModules(modules: ConfigFile["modules"]): Config["modules"] {
  if (typeof modules === "string") return { set: modules, add: [], omit: [] };
  return Array.isArray(modules) ? { set: "none", add: modules, omit: [] } : modules;
}

function readCompression(compression: ConfigFile["compression"]): Config["compression"] {
  return typeof compression === "string" ? withLevel(compression) : withLevel(compression.format, compression.level);
}
