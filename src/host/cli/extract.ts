import { mkdirSync, readdirSync } from "node:fs";
import { Command } from "commander";
import { MkinitrdError } from "../../core/errors.ts";
import { printableLine, quote } from "../../core/quote.ts";
import { extract, type ExtractOptions } from "../image/extract.ts";
import { formatProblems } from "../image/list.ts";
import { openImage, type OpenedImage } from "../image/open.ts";
import { selectNodes } from "../image/select.ts";
import { describeIoError } from "../read-text.ts";
import { statOf } from "../stat.ts";

const HELP = `
Writes what the kernel would unpack below a directory, which is made when it is missing. An image may come from anywhere: one with absolute
paths, with .. in them, or with paths behind links that lead out of it is refused before anything is written, no link is
followed while writing, and a directory that holds something already is refused without --force. Files belong to who extracts
them, without set-user-ID and set-group-ID bits, and devices are left out, unless root asks for them.

  mkinitrd extract initrd.img -C unpacked
  mkinitrd extract initrd.img -C unpacked etc 'usr/lib/modules/**/dm-*.ko'`;

type Options = Partial<ExtractOptions> & { directory: string };

/** `mkinitrd extract`: the files of an image on the disk. */
export function extractCommand(): Command {
  return new Command("extract")
    .description("Writes the files of an image below a directory.")
    .argument("<image>", "the image")
    .argument("[paths...]", "paths or patterns, as in ls; all when not given")
    .option("-C, --directory <dir>", "where to", ".")
    .option("--force", "also where files are; those that stand in the way are replaced")
    .option("--devices", "device nodes and pipes too; needs root")
    .option("--preserve", "owners, and set-user-ID and set-group-ID bits; needs root")
    .addHelpText("after", HELP)
    .action(run);
}

async function run(file: string, patterns: string[], { directory, devices = false, preserve = false, force = false }: Options): Promise<void> {
  if (devices) requireRoot("--devices");
  if (preserve) requireRoot("--preserve");
  const image = await openImage(file);
  refuseEscapes(image);
  const nodes = selectNodes(image, patterns);
  prepare(directory, force);
  for (const line of formatProblems(image.tree.problems)) console.error(line);
  const { written, skipped } = await extract(nodes, directory, { devices, preserve, force });
  console.log(`${printableLine(directory)}: ${written} ${written === 1 ? "path" : "paths"}`);
  if (skipped.length > 0) console.error(`note: left out: ${skipped.length === 1 ? "a device node, pipe or socket" : `${skipped.length} device nodes, pipes and sockets, of`}: ${printableLine(skipped.slice(0, 3).map(({ path }) => path).join(", "))}`);
}

function requireRoot(option: string): void {
  if (process.getuid?.() === 0) return;
  throw new MkinitrdError({ tried: "extracting", on: option, found: "only root can do that", next: `become root, or leave ${option} out` });
}

function refuseEscapes({ file, tree }: OpenedImage): void {
  const [problem] = tree.problems.filter(({ escapes }) => escapes);
  if (problem === undefined) return;
  throw new MkinitrdError({ tried: `extracting ${quote(problem.path)}`, on: file, found: `${problem.found}: it leads, or may lead, out of the directory; nothing was written`, next: `mkinitrd ls -l ${file} shows what the image holds` });
}

function prepare(directory: string, force: boolean): void {
  const about = { tried: "extracting", on: directory };
  const stats = statOf(directory);
  if (stats !== undefined && !stats.isDirectory()) throw new MkinitrdError({ ...about, found: "it is no directory", next: "name another one: -C DIR" });
  try {
    if (stats === undefined) return void mkdirSync(directory, { mode: 0o755 });
    if (force || readdirSync(directory).length === 0) return;
  } catch (cause) {
    throw new MkinitrdError({ ...about, found: describeIoError(cause), next: "name another directory: -C DIR", cause });
  }
  throw new MkinitrdError({ ...about, found: "it holds something already", next: "name an empty directory (-C DIR), or --force to write among what is there" });
}
