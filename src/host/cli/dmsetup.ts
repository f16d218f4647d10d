import { Command } from "commander";
import { MkinitrdError } from "../../core/errors.ts";
import { quote } from "../../core/quote.ts";
import { parseNodes } from "../inspect/disk-nodes.ts";
import { refuseCopies } from "../inspect/copies.ts";
import { findVolume } from "../inspect/find.ts";
import { addUnlockOptions, type UnlockOptions } from "../inspect/passphrases.ts";
import { type DeviceTable, volumeTables } from "../inspect/tables.ts";
import { withDisks } from "../inspect/with-disks.ts";
import { complain } from "./complain.ts";

const HELP = `
Prints the tables of the devices that make a volume, those that it lies on first: for dmsetup create NAME, or with --concise for
dmsetup create --concise. Nothing is made here, and nothing needs root. A disk is called as it was named, and its partitions as the kernel
calls them; an image file as --as says. Keys are zeros unless they are asked for.

  mkinitrd dmsetup /dev/sda vg0/root
  mkinitrd dmsetup --as disk.img=/dev/loop0 disk.img vg0/root
  mkinitrd dmsetup --unlock --showkeys --concise /dev/sda vg0/root`;

interface Options extends UnlockOptions {
  as: string[];
  showkeys?: true;
  concise?: true;
  json?: true;
}

/** `mkinitrd dmsetup`: the device-mapper tables that make a volume. */
export function dmsetupCommand(): Command {
  return addUnlockOptions(new Command("dmsetup"))
    .description("Prints the device-mapper tables that make a volume of a disk.")
    .argument("<disks...>", "image files or block devices, and behind them the volume")
    .option("--as <disk=node>", "what a disk is called in the tables, for an image file the loop device: disk.img=/dev/loop0; once for each disk", (word: string, all: string[]) => [...all, word], [])
    .option("--showkeys", "with the keys of encrypted volumes: who has them reads the volume")
    .option("--concise", "one line, as dmsetup create --concise takes it")
    .option("--json", "print the tables as JSON")
    .addHelpText("after", HELP)
    .action(run);
}

async function run(words: string[], { as, concise, json, showkeys, ...unlock }: Options): Promise<void> {
  const [paths, wanted] = [words.slice(0, -1), words.at(-1)!];
  if (paths.length === 0) throw new MkinitrdError({ tried: "printing device-mapper tables", on: "the command line", found: `${quote(wanted)} alone`, next: "name a disk and a volume: mkinitrd dmsetup DISK VOLUME" });
  await withDisks(paths, unlock, async (found) => {
    for (const problem of found.problems) complain(problem);
    const volume = findVolume(found.volumes, wanted);
    refuseCopies(volume, found.volumes, "making the tables");
    const tables = volumeTables(volume, found, found.tables, { showKeys: showkeys === true, nodes: parseNodes(as, paths, found.devices) });
    console.log(json === true ? JSON.stringify(tables, null, 2) : concise === true ? tables.map(formatConcise).join(";") : tables.flatMap(({ lines, name }) => lines.map((line) => `${name}: ${line}`)).join("\n"));
  });
}

/** Read-only where that can be; dmsetup(8), "CONCISE FORMAT": a comma or a semicolon of a name or a table has a backslash in front. */
function formatConcise({ lines, name, written }: DeviceTable): string {
  const escaped = (text: string) => text.replaceAll(/[\\,;]/g, "\\$&");
  return [escaped(name), "", "", written ? "rw" : "ro", ...lines.map(escaped)].join(",");
}
