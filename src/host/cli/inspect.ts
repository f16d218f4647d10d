import { Command } from "commander";
import { readKinds } from "../config/kinds.ts";
import { addUnlockOptions, type UnlockOptions } from "../inspect/passphrases.ts";
import { inspectTree } from "../inspect/node.ts";
import { readStructures } from "../inspect/structures.ts";
import { inspectJson, inspectText } from "../inspect/text.ts";
import { verityPairs } from "../inspect/verity.ts";
import { withDisks } from "../inspect/with-disks.ts";
import { exitCodesHelp } from "./exit-codes.ts";
import { complain } from "./complain.ts";

const HELP = `
Reads disks and image files (raw, or qcow2 where qemu-img is installed) as the early boot does: no root, no loop device, nothing is
written. Several disks of one volume group or array are given together. Behind the tree stand the realroots that would boot what
was found. With --unlock it asks for the passphrases of LUKS volumes, and goes on inside; Escape leaves one closed. Nothing on a disk
says that a volume is TrueCrypt's or VeraCrypt's: name it with --tcrypt; the options behind it are those of the realroot kind tcplay.
With --verbose each volume has the fields of its headers: byte of the volume, length, name, value; what LUKS2 and LVM write as text has
no bytes of its own.

${exitCodesHelp("inspect")}

  mkinitrd inspect disk.img
  mkinitrd inspect --unlock /dev/sda /dev/sdb
  mkinitrd inspect --tcrypt disk.img:2,hidden=yes,keyfile=secret.key disk.img
  mkinitrd inspect --header disk.img:2=header.img disk.img
  mkinitrd inspect --verbose disk.img
  mkinitrd inspect --json --key-file root.key disk.img`;

interface Options extends UnlockOptions {
  json?: true;
  verbose?: true;
}

/** `mkinitrd inspect`: what lies on disks, as a tree. */
export function inspectCommand(): Command {
  return addUnlockOptions(new Command("inspect"))
    .description("Shows what lies on disks, as a tree: partitions, containers, volume groups, filesystems.")
    .argument("<disks...>", "image files or block devices")
    .option("--verbose", "the fields of each header, with their offsets")
    .option("--json", "print the trees as JSON")
    .addHelpText("after", HELP)
    .action(run);
}

async function run(paths: string[], { json, verbose, ...unlock }: Options): Promise<void> {
  const kinds = await readKinds();
  await withDisks(paths, unlock, async (found) => {
    const pairs = await verityPairs(found.volumes);
    const trees = inspectTree(found, { pairs, ...(verbose === true ? { structures: await readStructures(found.volumes) } : {}) });
    console.log(json === true ? JSON.stringify(inspectJson(trees, kinds), null, 2) : inspectText(trees, kinds, { colours: process.stdout.isTTY && process.env["NO_COLOR"] === undefined, lines: process.stdout.isTTY }));
    for (const problem of found.problems) complain(problem);
    if (found.problems.length > 0) process.exitCode = 1;
  });
}
