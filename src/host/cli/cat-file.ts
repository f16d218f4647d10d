import { once } from "node:events";
import { Command } from "commander";
import { MkinitrdError } from "../../core/errors.ts";
import { printableLine, quote } from "../../core/quote.ts";
import type { Volume } from "../../core/volumes/types.ts";
import { EXT_TYPES, type ExtFiles, hasEncryptedFiles, withExtFiles } from "../inspect/ext-files.ts";
import { refuseCopies } from "../inspect/copies.ts";
import { findVolume } from "../inspect/find.ts";
import { addUnlockOptions, type UnlockOptions } from "../inspect/passphrases.ts";
import { withDisks } from "../inspect/with-disks.ts";
import { complain } from "./complain.ts";

const HELP = `
Reads a file of an ext2, ext3 or ext4 filesystem where it lies: no root, no mount, nothing of the disks is written. VOLUME is a name that
mkinitrd inspect shows, or UUID=, LABEL=, PARTUUID=, PARTLABEL=; PATH begins at the filesystem's root, links are followed inside of it.
What stands in the journal alone, of a filesystem that was not unmounted, is not seen.

  mkinitrd cat-file disk.img vg0/root /etc/fstab
  mkinitrd cat-file --unlock /dev/sda LABEL=root /etc/crypttab`;

/** `mkinitrd cat-file`: a file of a filesystem of a disk. */
export function catFileCommand(): Command {
  return addUnlockOptions(new Command("cat-file"))
    .description("Prints a file of a filesystem on a disk.")
    .argument("<disks...>", "image files or block devices, behind them the volume and the file's path")
    .addHelpText("after", HELP)
    .action(run);
}

async function run(words: string[], unlock: UnlockOptions): Promise<void> {
  const [path, wanted, ...disks] = words.reverse();
  if (path === undefined || wanted === undefined || disks.length === 0) throw new MkinitrdError({ tried: "printing a file", on: "the command line", found: `${words.length} of its words`, next: "name a disk, a volume and a path: mkinitrd cat-file DISK VOLUME PATH" });
  await withDisks(disks.reverse(), unlock, async ({ problems, volumes }) => {
    for (const problem of problems) complain(problem);
    const volume = findVolume(volumes, wanted);
    refuseCopies(volume, volumes, "reading a file");
    const source = readableSource(volume);
    if (await hasEncryptedFiles(source)) complain(`${volume.name} has encrypted files: of those the bytes are printed as they lie there`);
    await withExtFiles({ ...source, name: volume.name }, (files) => print(files, path.startsWith("/") ? path : `/${path}`));
  });
}

function readableSource({ content, name, source }: Volume): NonNullable<Volume["source"]> {
  if (content !== undefined && EXT_TYPES.includes(content.type) && source !== undefined) return source;
  const found = source === undefined ? "its bytes can't be read here" : `it holds ${content?.type ?? "nothing that is known here"}; files are read from ${EXT_TYPES.join(", ")}`;
  throw new MkinitrdError({ tried: "reading a file", on: name, found, next: "mkinitrd dump writes the volume to a file, which can be mounted" });
}

async function print(files: ExtFiles, path: string): Promise<void> {
  const file = await files.find(path);
  if (file === undefined) throw new MkinitrdError({ tried: `reading ${quote(path)}`, on: files.name, found: "it is not there, or it is a link that leads to nothing, to itself, or out of this filesystem", next: await nearby(files, path) });
  if (!file.isRegular) {
    const found = file.isDirectory ? `it is a directory, of ${listOf(await file.names())}` : "it is a device, a pipe or a socket";
    throw new MkinitrdError({ tried: `reading ${quote(path)}`, on: files.name, found, next: "name a file" });
  }
  for await (const piece of file.pieces()) if (!process.stdout.write(piece)) await once(process.stdout, "drain");
}

/** What there is, in the last directory of the path that exists. */
async function nearby(files: ExtFiles, path: string): Promise<string> {
  for (let parent = path; parent !== "/";) {
    parent = parent.slice(0, Math.max(1, parent.lastIndexOf("/")));
    const directory = await files.find(parent);
    if (directory?.isDirectory === true) return `${parent} has ${listOf(await directory.names())}`;
  }
  return "name another path";
}

const MOST_NAMES = 20;

function listOf(names: readonly string[]): string {
  const shown = names.slice(0, MOST_NAMES).map(printableLine).join(", ");
  if (names.length === 0) return "nothing";
  return names.length > MOST_NAMES ? `${shown} and ${names.length - MOST_NAMES} more` : shown;
}
