import { accessSync, constants, lstatSync, readlinkSync, realpathSync, statSync } from "node:fs";
import { join, normalize, resolve } from "node:path";
import { openFile } from "../core/binary/file.ts";
import type { Source } from "../core/binary/source.ts";
import { explain, MkinitrdError } from "../core/errors.ts";
import { probeElf } from "../core/formats/elf.ts";

/** Where an init usually is; the kernel's own list in init/main.c, with systemd's first. */
const USUAL_INITS = ["/sbin/init", "/usr/lib/systemd/systemd", "/etc/init", "/bin/init", "/bin/sh"];
/** Interpreters of interpreters that the kernel follows; fs/exec.c, exec_binprm. */
const MOST_INTERPRETERS = 5;
/** What the kernel reads of a file to see what it is; BINPRM_BUF_SIZE. */
const HEAD_BYTES = 256;

/**
 * The path of the init under `newRoot`: the one asked for, else the first usual one that can be run. Behind the pivot nobody
 * is left to say that it could not be: what the kernel needs for it, its interpreter or loader, is looked for here.
 */
export async function findInit(newRoot: string, asked: string | undefined, warn: (text: string) => void): Promise<string> {
  const tried: string[] = [];
  for (const path of asked === undefined ? USUAL_INITS : [asked, ...USUAL_INITS]) {
    const problem = await whyNot(newRoot, path).catch(explain);
    if (problem === undefined) {
      if (asked !== undefined && path !== asked) warn(`init=${asked} is no program there, ${path} is used`);
      return path;
    }
    tried.push(problem === ABSENT ? path : `${path} (${problem})`);
  }
  throw new MkinitrdError({
    tried: "finding the init of the real root",
    on: newRoot,
    found: `none of ${tried.join(", ")} is a program there`,
    next: "check that the realroot names the root filesystem and not another one, or name the program with init=",
  });
}

const ABSENT = "not there";

/** Why the kernel could not run a program of the new root; undefined when it can. */
async function whyNot(root: string, path: string, depth = 1): Promise<string | undefined> {
  const file = resolveInside(root, path);
  if (file === undefined) return ABSENT;
  if (!statSync(file).isFile()) return "no regular file";
  try {
    accessSync(file, constants.X_OK);
  } catch {
    return "not executable";
  }
  if (depth === MOST_INTERPRETERS) return "too many interpreters";
  const interpreter = await findInterpreter(file);
  const problem = interpreter === undefined ? undefined : await whyNot(root, interpreter, depth + 1);
  return problem === undefined ? undefined : `its interpreter ${interpreter}: ${problem}`;
}

/** What stands behind a script's #!, or an ELF file's loader. */
async function findInterpreter(file: string): Promise<string | undefined> {
  const source = await openFile(file);
  try {
    return (await shebang(source)) ?? (await probeElf(source))?.interpreter;
  } finally {
    await source.close?.();
  }
}

async function shebang(source: Source): Promise<string | undefined> {
  const head = await source.read(0, Math.min(HEAD_BYTES, source.sizeBytes));
  return /^#![ \t]*([^ \t\n]+)/.exec(head.toString("latin1"))?.[1];
}

/** Follows the links of `path` as they lead after the pivot, when `root` is /; undefined when they lead nowhere. */
export function resolveInside(root: string, path: string): string | undefined {
  let inside = normalize(path);
  for (let links = 0; links < 40; links++) {
    const parts = inside.split("/").filter(Boolean);
    let changed = false;
    for (let depth = 1; depth <= parts.length && !changed; depth++) {
      const prefix = `/${parts.slice(0, depth).join("/")}`;
      const stat = lstatSync(join(root, prefix), { throwIfNoEntry: false });
      if (stat === undefined) return undefined;
      if (!stat.isSymbolicLink()) continue;
      const target = resolve(`${prefix}/..`, readlinkSync(join(root, prefix)));
      inside = normalize([target, ...parts.slice(depth)].join("/"));
      changed = true;
    }
    if (!changed) return realpathSync(join(root, inside));
  }
  return undefined;
}
