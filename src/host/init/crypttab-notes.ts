import type { CrypttabEntry } from "../../core/realroot/crypttab.ts";
import { quote } from "../../core/quote.ts";
import type { Opener } from "./stack.ts";

/** Gives the stage the options that the system itself opens the volume with, and notes what they leave to do. */
export function applyCrypttab(opener: Opener, crypttab: readonly CrypttabEntry[], notes: string[]): void {
  const { stage } = opener;
  const entry = stage.name === undefined ? undefined : crypttab.find((one) => one.stage.name === stage.name && one.stage.kind === stage.kind);
  if (entry !== undefined) {
    stage.options = entry.stage.options;
    opener.reason += `, with the options that /etc/crypttab gives it`;
  }
  const { keyfile, header } = stage.options;
  if (typeof keyfile === "string" && !keyfile.includes("@")) notes.push(`the key file ${keyfile} is not in the image: ${packs(keyfile)}, docs/secrets.md; else the passphrase is asked for`);
  if (typeof header === "string" && isFile(header)) notes.push(`the header ${header} of ${stage.device} is not in the image: ${packs(header)}, docs/crypt.md; else the volume can't be opened`);
  if (opener.detached === true && header === undefined) notes.push(`no LUKS header is to be seen on ${stage.device}, and the volume was opened as LUKS: add header=PATH or header=DEVICE to the options of its stage, docs/crypt.md`);
}

/** What /etc/crypttab has that can't be used: about the volumes that are opened, or all where none of them is named. */
export function crypttabNotes(openers: readonly Opener[], warnings: readonly string[]): string[] {
  const names = openers.flatMap(({ stage: { name } }) => (name === undefined ? [] : [quote(name)]));
  if (names.length === 0) return [];
  const theirs = warnings.filter((warning) => names.some((name) => warning.replace(/^line \d+: /, "").startsWith(name)));
  return (theirs.length > 0 ? theirs : warnings).map((warning) => `/etc/crypttab ${warning}`);
}

const packs = (file: string) => `\`files: [{from: ${file}, to: ${file}, mode: "0400"}]\` packs it`;

/** As rc.d/crypt.ts takes it: else it is a device. */
function isFile(header: string): boolean {
  return header.startsWith("/") && !header.startsWith("/dev/");
}
