import type { Source } from "./binary/source.ts";
import { explain, MkinitrdError } from "./errors.ts";
import { probeElf } from "./formats/elf.ts";

/** The files of a root: a mounted one, or one that is read from its disk. */
export interface RootFiles {
  /** What a person calls it, for errors. */
  readonly name: string;
  /** The file behind a path that begins with a slash, links followed as they lead inside of the root; undefined when there is none. */
  find(path: string): Promise<RootFile | undefined>;
}

export interface RootFile {
  isRegular: boolean;
  isExecutable: boolean;
  /** Its bytes; whoever opens it closes it. */
  open(): Promise<Source>;
}

/** Where an init usually is; the kernel's own list in init/main.c, with systemd's first. */
const USUAL_INITS = ["/sbin/init", "/usr/lib/systemd/systemd", "/etc/init", "/bin/init", "/bin/sh"];
/** Interpreters of interpreters that the kernel follows; fs/exec.c, exec_binprm. */
const MOST_INTERPRETERS = 5;
/** What the kernel reads of a file to see what it is; BINPRM_BUF_SIZE. */
const HEAD_BYTES = 256;

/**
 * The path of the init of a root: the one asked for, else the first usual one that can be run. Behind the pivot nobody
 * is left to say that it could not be: what the kernel needs for it, its interpreter or loader, is looked for here.
 */
export async function findInit(root: RootFiles, asked: string | undefined, warn: (text: string) => void): Promise<string> {
  const tried: string[] = [];
  for (const path of asked === undefined ? USUAL_INITS : [asked, ...USUAL_INITS]) {
    const problem = await whyNot(root, path).catch(explain);
    if (problem === undefined) {
      if (asked !== undefined && path !== asked) warn(`init=${asked} is no program there, ${path} is used`);
      return path;
    }
    tried.push(problem === ABSENT ? path : `${path} (${problem})`);
  }
  throw new MkinitrdError({
    tried: "finding the init of the real root",
    on: root.name,
    found: `none of ${tried.join(", ")} is a program there`,
    next: "check that the realroot names the root filesystem and not another one, or name the program with init=",
  });
}

const ABSENT = "not there";

/** Why the kernel could not run a program of the root; undefined when it can. */
async function whyNot(root: RootFiles, path: string, depth = 1): Promise<string | undefined> {
  const file = await root.find(path);
  if (file === undefined) return ABSENT;
  if (!file.isRegular) return "no regular file";
  if (!file.isExecutable) return "not executable";
  if (depth === MOST_INTERPRETERS) return "too many interpreters";
  const interpreter = await findInterpreter(file);
  const problem = interpreter === undefined ? undefined : await whyNot(root, interpreter, depth + 1);
  return problem === undefined ? undefined : `its interpreter ${interpreter}: ${problem}`;
}

/** What stands behind a script's #!, or an ELF file's loader. */
async function findInterpreter(file: RootFile): Promise<string | undefined> {
  const source = await file.open();
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
