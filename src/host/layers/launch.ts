import { existsSync, mkdirSync, symlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import { MkinitrdError } from "../../core/errors.ts";
import type { ExecOptions, ExecResult } from "../../core/exec.ts";
import { ownArchitecture, type Architecture } from "../architecture.ts";
import { exec } from "../exec.ts";
import type { Entry } from "../plan/types.ts";
import { isProgram } from "../stat.ts";
import { withTemporaryDirectory } from "../temporary.ts";

/**
 * How the image's programs are started on this machine: gives the words that stand in front of a program's path, for as long
 * as `use` runs. None where the program is of this machine's own architecture.
 */
export type Launcher = <T>(use: (words: string[]) => Promise<T>) => Promise<T>;

export const startedHere: Launcher = (use) => use([]);

/** Runs a program with a launcher's words in front. */
export function execLaunched(words: string[], program: string, args: string[], options: ExecOptions): Promise<ExecResult> {
  const [first = program, ...rest] = [...words, program, ...args];
  return exec(first, rest, options);
}

/**
 * For programs of an architecture, in a tree that holds the entries (libraries) as the image will: as they are where it is
 * this machine's, else by QEMU's emulator of a single program. It throws, when it is used, where there is none.
 */
export function launcherFor(architecture: Architecture, entries: readonly Entry[], path = process.env["PATH"] ?? ""): Launcher {
  if (architecture.name === ownArchitecture().name) return startedHere;
  return (use) => {
    const emulator = findEmulator(architecture, path);
    return withTemporaryDirectory("root", async (root) => {
      for (const entry of entries) place(root, entry);
      return use([emulator, "-L", root]); // files that it opens are looked for there first
    });
  };
}

/** Files as links to where they are: what is run is what will be packed. */
function place(root: string, entry: Entry): void {
  const file = join(root, entry.path);
  if (entry.type === "directory") mkdirSync(file, { recursive: true });
  if (entry.type !== "link" && entry.type !== "file") return;
  const target = entry.type === "link" ? entry.target : "file" in entry.from ? entry.from.file : undefined;
  if (target === undefined || existsSync(file)) return;
  mkdirSync(dirname(file), { recursive: true });
  symlinkSync(target, file);
}

/** Debian has it under both names. */
function findEmulator({ name }: Architecture, path: string): string {
  const names = [`qemu-${name}`, `qemu-${name}-static`];
  const found = path.split(":").filter((directory) => directory !== "").flatMap((directory) => names.map((each) => join(directory, each))).find(isProgram);
  if (found !== undefined) return found;
  throw new MkinitrdError({ tried: `running a program for ${name}`, on: "this machine", found: `no program ${names.join(" or ")}`, next: `install it; on Debian: apt-get install qemu-user` });
}
