import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { explain, MkinitrdError } from "../core/errors.ts";
import type { Exec } from "../core/exec.ts";
import { nearest } from "../core/nearest.ts";
import { quote } from "../core/quote.ts";
import type { BootConfig } from "../core/rc/boot-config.ts";
import { readKeymapWord } from "../core/realroot/keymap-word.ts";
import { exec as execInImage } from "./exec.ts";
import { RUN_DIRECTORY } from "./log.ts";

/** The keyboard layouts of the image. They are the kernel's: one for all of its virtual terminals, none for a serial line. */
export interface Keymaps {
  /** What `apply` takes, the one that a boot begins with first; none in an image without keymaps. */
  readonly names: readonly string[];
  /** The one that was applied last, in a boot before a retry too; undefined while it is the kernel's own, which is US. */
  readonly current: string | undefined;
  /** Hands the keymap to the kernel, for the next key that is pressed. Throws when the image does not have it, or the kernel no keyboard. */
  apply(name: string): Promise<void>;
}

/** Where things lie; tests have others. */
const PLACES = {
  keymaps: "/usr/lib/mkinitrd/keymaps",
  /** The name of the current one. */
  current: `${RUN_DIRECTORY}/keymap`,
  active: "/sys/class/tty/console/active",
};
const TIMEOUT_MS = 10_000;

/** The keymaps that the configuration names. Nothing is read where there are none. */
export function createKeymaps({ keymaps: names = [] }: Pick<BootConfig, "keymaps">, exec: Exec = execInImage, places = PLACES): Keymaps {
  let current = names.length === 0 ? undefined : names.find((name) => name === readLine(places.current));
  return {
    names,
    get current() {
      return current;
    },
    async apply(name) {
      const about = { tried: "changing the keyboard layout", on: quote(name) };
      if (!names.includes(name)) throw new MkinitrdError({ ...about, found: `this image has ${names.length === 0 ? "no keymaps" : names.join(", ")}`, next: hint(name, names) });
      try {
        await exec("loadkmap", [], { input: readFileSync(join(places.keymaps, `${name}.bmap`)), timeoutMs: TIMEOUT_MS });
      } catch (cause) {
        throw new MkinitrdError({ ...about, found: explain(cause), cause });
      }
      current = name;
      try {
        writeFileSync(places.current, `${name}\n`, { mode: 0o600 });
      } catch {
        // A full /run: a retry begins with the first again.
      }
    },
  };
}

/** What the start of a boot wants of its log. */
interface Log {
  debug(text: string): void;
  warn(text: string): void;
}

/**
 * Applies the keymap that a boot begins with: that of the command line, else the image's first; after a retry the one that was chosen
 * stays. Nothing is done where no console is a virtual terminal. Whatever goes wrong is a warning: people can type without it.
 */
export async function startKeymap(keymaps: Keymaps, { commandLine, sealed, log }: { commandLine: string; sealed: boolean; log: Log }, places = PLACES): Promise<void> {
  const [first] = keymaps.names;
  if (first === undefined || keymaps.current !== undefined || !hasVirtualTerminal(places.active)) return;
  const asked = sealed ? undefined : readKeymapWord(commandLine);
  const name = asked !== undefined && keymaps.names.includes(asked) ? asked : first;
  if (asked !== undefined && asked !== name) log.warn(`the keymap ${quote(asked)} of the kernel command line is not in this image, which has ${keymaps.names.join(", ")}: ${name} is used`);
  try {
    await keymaps.apply(name);
    log.debug(`keyboard layout ${name}`);
  } catch (error) {
    log.warn(explain(error));
  }
}

/** `tty0 ttyS0`: the virtual terminals are the kernel's own screen and keyboard. */
function hasVirtualTerminal(active: string): boolean {
  return readLine(active).split(/\s+/).some((name) => /^tty\d+$/.test(name));
}

function readLine(file: string): string {
  try {
    return readFileSync(file, "latin1").trim();
  } catch {
    return "";
  }
}

function hint(name: string, names: readonly string[]): string {
  const meant = nearest(name, names);
  return meant === undefined ? "add it to keymaps: in mkinitrd.config.yaml and build the image again" : `did you mean ${meant}?`;
}
