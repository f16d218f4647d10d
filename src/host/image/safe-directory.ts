import { closeSync, constants, mkdirSync, openSync } from "node:fs";
import { MkinitrdError } from "../../core/errors.ts";
import { encodeName } from "../../core/formats/newc-name.ts";
import { describeIoError } from "../read-text.ts";

const DIRECTORY = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;

/**
 * A directory tree below which paths are walked one name at a time, each opened from the descriptor of the one before, and none through a
 * link: what openat(2) with O_NOFOLLOW does, by way of /proc/self/fd. So nothing outside of it is ever touched, whatever stands in it.
 */
export class SafeDirectory {
  readonly #root: { descriptor: number; path: string };
  /** The directories that are open now, each in the one before. */
  #open: { name: string; descriptor: number }[];

  constructor(path: string) {
    this.#root = { descriptor: openSync(path, constants.O_RDONLY | constants.O_DIRECTORY), path };
    this.#open = [];
  }

  /** The path to give to a system call for `name` in the directory of these parts; good until another one is entered. */
  entry(parts: readonly string[], name: string): Buffer {
    return inDirectory(this.enter(parts), name);
  }

  /** The descriptor of the directory of these parts. Throws where a link or something else stands in the way. */
  enter(parts: readonly string[]): number {
    const kept = this.#open.findIndex(({ name }, index) => name !== parts[index]);
    this.#closeFrom(kept === -1 ? Math.min(this.#open.length, parts.length) : kept);
    for (const name of parts.slice(this.#open.length)) {
      const descriptor = this.#step(inDirectory(this.#last(), name), `${this.#root.path}/${parts.slice(0, this.#open.length + 1).join("/")}`);
      this.#open.push({ name, descriptor });
    }
    return this.#last();
  }

  /** Makes a directory for its owner alone, unless there is one; whether it was made. */
  make(parts: readonly string[], name: string): boolean {
    const isOpen = [...parts, name].every((part, index) => this.#open[index]?.name === part);
    if (isOpen) return false;
    const made = makeDirectory(this.entry(parts, name));
    this.enter([...parts, name]);
    return made;
  }

  close(): void {
    this.#closeFrom(0);
    closeSync(this.#root.descriptor);
  }

  #last(): number {
    return this.#open.at(-1)?.descriptor ?? this.#root.descriptor;
  }

  #closeFrom(index: number): void {
    for (const { descriptor } of this.#open.splice(index)) closeSync(descriptor);
  }

  #step(path: Buffer, shown: string): number {
    try {
      return openSync(path, DIRECTORY);
    } catch (cause) {
      const isInTheWay = ["ELOOP", "ENOTDIR"].includes((cause as NodeJS.ErrnoException).code ?? "");
      throw new MkinitrdError({ tried: "entering a directory", on: shown, found: isInTheWay ? "a link or a file stands there, where a directory belongs" : describeIoError(cause), next: "extract into an empty directory", cause });
    }
  }
}

function makeDirectory(path: Buffer): boolean {
  try {
    mkdirSync(path, 0o700);
    return true;
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== "EEXIST") throw cause;
    return false;
  }
}

function inDirectory(descriptor: number, name: string): Buffer {
  return Buffer.concat([Buffer.from(`/proc/self/fd/${descriptor}/`), encodeName(name)]);
}
