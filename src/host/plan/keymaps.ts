import { basename } from "node:path";
import { MkinitrdError } from "../../core/errors.ts";
import { nearest } from "../../core/nearest.ts";
import { quote } from "../../core/quote.ts";
import { convertFile, convertLayout } from "../keymaps/convert.ts";
import { keymapFiles, keymapName } from "../keymaps/files.ts";
import { machineKeymaps } from "../keymaps/machine.ts";
import type { WantedKeymap, XkbLayout } from "../keymaps/wanted.ts";
import { xkbLayouts } from "../keymaps/xkb.ts";
import type { Sysroot } from "./sysroot.ts";
import type { Entry } from "./types.ts";

const DIRECTORY = "usr/lib/mkinitrd/keymaps";
const CONFIGURATION = "keymaps: of the configuration";
/** What the boot, and the kernel command line, can name. */
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
const MOST_NAMES = 8;

/** The keymaps that the configuration names, in busybox's binary format, and their names: a boot begins with the first. */
export async function planKeymaps(wanted: readonly string[], sysroot: Sysroot): Promise<{ entries: Entry[]; names: string[]; notes: string[] }> {
  if (wanted.length === 0) return { entries: [], names: [], notes: [] };
  const notes: string[] = [];
  const all = wanted.flatMap((each) => readWanted(each, sysroot, notes));
  const once = all.filter(({ name }, i) => all.findIndex((other) => other.name === name) === i);
  const known = knownKeymaps(sysroot);
  const entries = await Promise.all(once.map(async (keymap): Promise<Entry> => {
    if (!NAME.test(keymap.name)) throw new MkinitrdError({ tried: "planning the keymaps", on: keymap.reason, found: `${quote(keymap.name)}: a name has letters, digits, dots, dashes and underscores`, next: "rename the file" });
    return { path: `${DIRECTORY}/${keymap.name}.bmap`, mode: 0o644, reason: keymap.reason, type: "file", from: { bytes: await convert(keymap, known) } };
  }));
  return { entries, names: once.map(({ name }) => name), notes };
}

function readWanted(text: string, sysroot: Sysroot, notes: string[]): WantedKeymap[] {
  if (text.includes("/")) return [{ name: keymapName(basename(text)), file: text, reason: CONFIGURATION }];
  if (text !== "auto") return [{ name: text, reason: CONFIGURATION }];
  const found = machineKeymaps(sysroot);
  notes.push(found.length === 0
    ? "keymaps: auto: neither /etc/default/keyboard nor /etc/vconsole.conf names a layout; the kernel's own is US"
    : `keymap ${found.map(({ name }) => name).join(", ")}: ${found[0]?.reason.replace("keymaps: auto, ", "")}`);
  return found;
}

interface Known {
  files: Map<string, string>;
  layouts: Map<string, XkbLayout>;
}

function knownKeymaps(sysroot: Sysroot): Known {
  return { files: keymapFiles(sysroot), layouts: xkbLayouts(sysroot) };
}

/** A name is that of a console keymap's file, else of a layout of XKB. */
async function convert({ name, file = undefined, xkb = undefined }: WantedKeymap, { files, layouts }: Known): Promise<Buffer> {
  const source = file ?? (xkb === undefined ? files.get(name) : undefined);
  if (source !== undefined) return convertFile(source);
  const layout = xkb ?? layouts.get(name);
  if (layout !== undefined) return convertLayout(layout);
  throw unknown(name, [...new Set([...files.keys(), ...layouts.keys()])]);
}

function unknown(name: string, names: string[]): MkinitrdError {
  const about = { tried: "finding the keymap", on: quote(name) };
  if (names.length === 0) {
    return new MkinitrdError({ ...about, found: "no keymaps are on this machine, neither the console's nor XKB's", next: "install them; on Debian: apt-get install kbd console-setup" });
  }
  const like = names.filter((each) => each.startsWith(name.slice(0, 2))).sort();
  const shown = like.length > MOST_NAMES ? [...like.slice(0, MOST_NAMES), "…"] : like;
  const meant = nearest(name, names);
  return new MkinitrdError({
    ...about,
    found: `it is none of the ${names.length} that this machine has${like.length === 0 ? "" : `; those that begin like it: ${shown.join(", ")}`}`,
    next: meant === undefined ? "write a layout of XKB (de, fr, us), one with a variant (de-nodeadkeys), or the path of a keymap file" : `did you mean ${meant}?`,
  });
}
