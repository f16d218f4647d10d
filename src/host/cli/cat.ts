import { once } from "node:events";
import { Command } from "commander";
import { MkinitrdError } from "../../core/errors.ts";
import { quote } from "../../core/quote.ts";
import { openImage } from "../image/open.ts";
import { noSuchPath } from "../image/select.ts";

const HELP = `
Links are followed as in the booted image: an absolute one begins at the image's root. The bytes are written as they are.

  mkinitrd cat initrd.img etc/mkinitrd/boot.json
  mkinitrd cat initrd.img /bin/sh > busybox`;

/** `mkinitrd cat`: the content of files of an image. */
export function catCommand(): Command {
  return new Command("cat")
    .description("Prints files of an image.")
    .argument("<image>", "the image")
    .argument("<paths...>", "paths in the image, with or without a leading slash")
    .addHelpText("after", HELP)
    .action(run);
}

async function run(file: string, paths: string[]): Promise<void> {
  const image = await openImage(file);
  const nodes = paths.map((path) => {
    const node = image.tree.find(path);
    const link = image.tree.at(path);
    if (node === undefined && link?.target !== undefined) throw noFile(file, path, `it is a link to ${quote(link.target)}, which leads to nothing in the image`);
    if (node === undefined) throw noSuchPath(image, path);
    if (node.type !== "file") throw noFile(file, path, node.type === "directory" ? "it is a directory" : "it is a device, a pipe or a socket");
    return node;
  });
  for (const node of nodes) {
    for await (const piece of node.pieces()) if (!process.stdout.write(piece)) await once(process.stdout, "drain");
  }
}

function noFile(file: string, path: string, found: string): MkinitrdError {
  return new MkinitrdError({ tried: `reading ${quote(path)}`, on: file, found, next: `mkinitrd ls ${file} ${path} lists it` });
}
