import { Command } from "commander";
import { printableLine } from "../../core/quote.ts";
import { formatLong, formatProblems, nodeJson } from "../image/list.ts";
import { openImage } from "../image/open.ts";
import { selectNodes } from "../image/select.ts";

const HELP = `
Lists what the kernel would unpack, sorted: where several archives have one path, the last one's. A path names itself and what lies below it;
* and ? stand for a part of a name, ** for any directories; a pattern without a slash is a name in any directory.
Images of any tool, in every compression that the kernel knows (xz, lz4, bzip2 and lzop need the program of that name), and unified kernel images.

  mkinitrd ls initrd.img
  mkinitrd ls -l initrd.img etc 'dm-*.ko'
  mkinitrd ls --json /boot/initrd.img-6.1.0-32-amd64`;

/** `mkinitrd ls`: the paths of an image. */
export function lsCommand(): Command {
  return new Command("ls")
    .description("Lists what is in an image.")
    .argument("<image>", "the image")
    .argument("[paths...]", "paths or patterns; all when not given")
    .option("-l, --long", "with mode, links, owner, group, size and time, as ls -l has them")
    .option("--json", "print the list as JSON")
    .addHelpText("after", HELP)
    .action(run);
}

async function run(file: string, patterns: string[], { long, json }: { long?: true; json?: true }): Promise<void> {
  const image = await openImage(file);
  const nodes = selectNodes(image, patterns);
  for (const line of formatProblems(image.tree.problems)) console.error(line);
  const isShown = nodes.filter(({ implied }) => implied !== true);
  const lines = json === true ? [JSON.stringify(nodes.map(nodeJson), null, 2)] : long === true ? formatLong(isShown) : isShown.map(({ path }) => printableLine(path));
  if (lines.length > 0) console.log(lines.join("\n"));
}
