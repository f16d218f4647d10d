import { Command, InvalidArgumentError } from "commander";
import { printableLine } from "../../core/quote.ts";
import { openImage } from "../image/open.ts";
import { sizeTree, type SizePart } from "../image/size.ts";
import { readReasons } from "../image/why.ts";

const HELP = `
A row for each archive, with what it takes in the image and unpacked, and below it what its files are there for: the reasons that the image's own
manifest has, first cause first. For images of other tools, and with --by directory, the directories. Small parts go into one row.

  mkinitrd size initrd.img
  mkinitrd size --by directory --depth 4 /boot/initrd.img-6.1.0-32-amd64`;

const KIB = 1024;
const MIB = KIB * KIB;
/** A part with less of the whole than this is not shown by itself. */
const SMALLEST_SHARE = 1 / 200;

interface Options {
  by?: "reason" | "directory";
  depth: number;
  json?: true;
}

/** `mkinitrd size`: what takes how much of an image. */
export function sizeCommand(): Command {
  return new Command("size")
    .description("Says what takes how much of an image.")
    .argument("<image>", "the image")
    .option("--by <what>", "reason or directory", parseBy)
    .option("--depth <levels>", "how many levels below each archive", parseDepth, 2)
    .option("--json", "print the whole tree as JSON, sizes in bytes")
    .addHelpText("after", HELP)
    .action(run);
}

async function run(file: string, { by, depth, json }: Options): Promise<void> {
  const image = await openImage(file);
  const reasons = await readReasons(image);
  const wanted = by ?? (reasons === undefined ? "directory" : "reason");
  const tree = sizeTree(image, reasons, wanted);
  console.log(json === true ? JSON.stringify(tree, null, 2) : formatSizes(tree, depth, wanted === "reason" ? " → " : "/").join("\n"));
}

/** Rows of packed size, unpacked size, number of files and name; `between` joins the names of parts that are one another's only one. */
export function formatSizes(whole: SizePart, depth: number, between: string): string[] {
  const rows: string[][] = [["packed", "unpacked", "files", ""]];
  add(whole, 0);
  const widths = [0, 1, 2].map((column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows.map((row) => [...row.slice(0, 3).map((cell, column) => cell.padStart(widths[column]!)), row[3]].join("  ").trimEnd());

  function add(part: SizePart, level: number): void {
    const { format, bytes, packedBytes, unpackedBytes, files } = part;
    const { name, parts } = level > 0 && packedBytes === undefined ? joined(part, between) : part;
    const title = `${"  ".repeat(level)}${printableLine(name)}${format === undefined ? "" : ` (${format})`}`;
    rows.push([packedBytes === undefined ? "" : formatSize(packedBytes), formatSize(unpackedBytes ?? bytes), String(files), title]);
    if (level > depth) return;
    const shown = parts.filter((part) => level === 0 || part.bytes >= whole.bytes * SMALLEST_SHARE);
    for (const part of shown) add(part, level + 1);
    const others = parts.filter((part) => !shown.includes(part));
    const total = (key: "bytes" | "files") => others.reduce((all, part) => all + part[key], 0);
    if (others.length > 0 && total("files") < files) rows.push(["", formatSize(total("bytes")), String(total("files")), `${"  ".repeat(level + 1)}(${others.length} smaller)`]);
  }
}

/** A part with nothing but one other in it, and what is in that: one row for both. */
function joined({ name, files, parts }: SizePart, between: string): Pick<SizePart, "name" | "parts"> {
  const [only] = parts;
  if (only === undefined || parts.length > 1 || only.files !== files) return { name, parts };
  const inner = joined(only, between);
  return { name: name + between + inner.name, parts: inner.parts };
}

function formatSize(bytes: number): string {
  if (bytes < KIB) return `${bytes} B`;
  return bytes < MIB ? `${(bytes / KIB).toFixed(1)} KiB` : `${(bytes / MIB).toFixed(1)} MiB`;
}

function parseBy(text: string): "reason" | "directory" {
  if (text === "reason" || text === "directory") return text;
  throw new InvalidArgumentError("Known: reason, directory.");
}

function parseDepth(text: string): number {
  if (/^\d{1,2}$/.test(text)) return Number(text);
  throw new InvalidArgumentError("It is a number of levels, 0 to 99.");
}
