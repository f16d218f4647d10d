import { Command } from "commander";
import { MkinitrdError } from "../../core/errors.ts";
import { printableLine, quote } from "../../core/quote.ts";
import { openImage, type OpenedImage } from "../image/open.ts";
import { selectNodes } from "../image/select.ts";
import type { ImageNode } from "../image/tree-types.ts";
import { type Explanation, requireReasons } from "../image/why.ts";
import { subjectOf } from "../plan/chain.ts";

const HELP = `
An image of this tool holds its own manifest: why each file is in it, from what the configuration says to the file. A path without
a leading slash may be the end of one, a kernel module's name, or a pattern as for ls. Images of other tools have none.

  mkinitrd why initrd.img /usr/sbin/cryptsetup
  mkinitrd why initrd.img dm_mod`;

/** `mkinitrd why`: the chain of reasons for a path of an image. */
export function whyCommand(): Command {
  return new Command("why")
    .description("Says why a file is in an image.")
    .argument("<image>", "the image")
    .argument("<paths...>", "paths in the image, or names")
    .option("--json", "print the reasons as JSON")
    .addHelpText("after", HELP)
    .action(run);
}

async function run(file: string, paths: string[], { json }: { json?: true }): Promise<void> {
  const image = await openImage(file);
  const reasons = await requireReasons(image);
  const explained = paths.flatMap((path) => named(image, path)).map((node) => {
    const explanation = reasons.explain(node);
    if (explanation !== undefined) return explanation;
    throw new MkinitrdError({ tried: `explaining ${quote(node.path)}`, on: file, found: "it came into the image after mkinitrd had made it: no layer of the manifest has it" });
  });
  console.log(json === true ? JSON.stringify(explained, null, 2) : explained.map(format).join("\n"));
}

/** What a path leads to, with the link itself where it is one; or all entries of a name. */
function named(image: OpenedImage, path: string): ImageNode[] {
  const { tree } = image;
  const found = [tree.at(path), tree.find(path)].filter((node) => node !== undefined && node.implied !== true) as ImageNode[];
  if (found.length > 0) return found.filter((node, index) => found.findIndex((other) => other.path === node.path) === index);
  const called = path.startsWith("/") ? [] : tree.nodes.filter((node) => subjectOf(node.path) === path || node.path.endsWith(`/${path}`));
  return called.length > 0 ? called : selectNodes(image, [path]).filter(({ implied }) => implied !== true);
}

function format({ path, layer, chains, target }: Explanation): string {
  const title = `${path}${target === undefined ? "" : ` -> ${target}`}: layer ${layer}`;
  return [title, ...chains.map((chain) => `  ${chain.join(" → ")}`)].map(printableLine).join("\n");
}
