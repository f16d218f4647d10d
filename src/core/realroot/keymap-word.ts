import { splitCommandLine } from "./words.ts";

/** Words for the keymap to begin with: dracut.cmdline(7); systemd-vconsole-setup.service(8); genkernel(8); ours. */
export const KEYMAP_WORDS = ["rd.vconsole.keymap", "vconsole.keymap", "keymap", "mkinitrd.keymap"];

/** Whether a keymap may be called so: a file's name without its ending. */
export function isKeymapName(text: string): boolean {
  return /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(text);
}

/**
 * The keymap that a kernel command line names, the last one where there are several: apart from the rest of it, which may be wrong
 * while somebody has to type all the same. What follows `--` is init's.
 */
export function readKeymapWord(commandLine: string): string | undefined {
  const words = splitCommandLine(commandLine);
  const dashes = words.findIndex(({ key, value }) => key === "--" && value === undefined);
  const ours = (dashes < 0 ? words : words.slice(0, dashes)).filter(({ key, value }) => KEYMAP_WORDS.includes(key) && isKeymapName(value ?? ""));
  return ours.at(-1)?.value;
}
