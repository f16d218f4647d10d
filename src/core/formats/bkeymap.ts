import { ascii, struct } from "../binary/struct.ts";
import { MkinitrdError } from "../errors.ts";

/**
 * The start of a binary keymap, which `loadkeys -b` writes and busybox's loadkmap reads (console-tools/loadkmap.c). The flags follow, a
 * byte for each of the 256 combinations of modifiers, 1 where it has a table; then those tables, in this order.
 */
const bkeymapHeader = struct("binary keymap", 7, {
  magic: ascii(0, 7), // "bkeymap"
});

const MAGIC = "bkeymap";
const FLAGS = 256; // MAX_NR_KEYMAPS of linux/keyboard.h
const KEYS = 128; // NR_KEYS of busybox
const TABLE_BYTES = KEYS * 2; // a keysym in two bytes, in the byte order of the machine: little-endian on ours

/** Whether the bytes begin like a binary keymap. */
export function isBkeymap(bytes: Buffer): boolean {
  return bytes.length >= bkeymapHeader.sizeBytes && bkeymapHeader.decode(bytes).magic === MAGIC;
}

/** The keysyms of each combination of modifiers (1 Shift, 2 AltGr, 4 Ctrl, 8 Alt), by keycode. Throws on what loadkmap would not take whole. */
export function decodeBkeymap(bytes: Buffer, name: string): Map<number, Uint16Array> {
  const fail = (found: string): never => { throw new MkinitrdError({ tried: "reading the binary keymap", on: name, found, next: "make it with `loadkeys -u -b`" }); };
  if (!isBkeymap(bytes)) fail("it does not begin with bkeymap");
  const flags = bytes.subarray(MAGIC.length, MAGIC.length + FLAGS);
  if (flags.length < FLAGS) fail(`${bytes.length} bytes; the flags end at ${MAGIC.length + FLAGS}`);
  const wrong = flags.findIndex((flag) => flag > 1);
  if (wrong >= 0) fail(`the flag of table ${wrong} is ${flags[wrong]}; known: 0, 1`);
  if (flags[0] === 0) fail("there is no table for keys without a modifier");
  const indexes = [...flags.keys()].filter((index) => flags[index] === 1);
  const size = MAGIC.length + FLAGS + indexes.length * TABLE_BYTES;
  if (bytes.length !== size) fail(`${bytes.length} bytes; with ${indexes.length} tables they are ${size}`);
  return new Map(indexes.map((index, i) => {
    const at = MAGIC.length + FLAGS + i * TABLE_BYTES;
    return [index, Uint16Array.from({ length: KEYS }, (_, key) => bytes.readUInt16LE(at + 2 * key))];
  }));
}
