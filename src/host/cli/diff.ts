import { Command } from "commander";
import { explain } from "../../core/errors.ts";
import { printableLine } from "../../core/quote.ts";
import { diffImages, nameOf, releasesOf, type Difference } from "../image/diff.ts";
import { openImage, type OpenedImage } from "../image/open.ts";
import { sizeTree } from "../image/size.ts";
import { readReasons } from "../image/why.ts";
import { EXIT, exitCodesHelp } from "./exit-codes.ts";

/** As those of diff(1). */
const [EXIT_DIFFERENT, EXIT_TROUBLE] = [EXIT.failed, EXIT.usage];

const HELP = `
Compares what the kernel makes of two images, of whatever tools and compressions: + is only in B, - only in A, ~ in both and different in its type,
mode, owner, target or content. Times are not compared. Modules of two kernel releases are compared by their names. Below, the size of the
files by reason, where both images have a manifest, and by directory elsewhere.

${exitCodesHelp("diff")}

  mkinitrd diff /boot/initrd.img.old /boot/initrd.img`;

/** `mkinitrd diff`: what two images have that differs. */
export function diffCommand(): Command {
  return new Command("diff")
    .description("Compares two images.")
    .argument("<a>", "an image")
    .argument("<b>", "another one")
    .option("--json", "print the differences as JSON")
    .addHelpText("after", HELP)
    .action(run);
}

async function run(a: string, b: string, { json }: { json?: true }): Promise<void> {
  try {
    const images: [OpenedImage, OpenedImage] = [await openImage(a), await openImage(b)];
    const differences = await diffImages(...images);
    const sizes = await sizeChanges(...images);
    const releases = images.map(releasesOf);
    const same = differences.length === 0 && String(releases[0]) === String(releases[1]);
    if (json === true) console.log(JSON.stringify({ same, releases, differences, sizes }, null, 2));
    else if (!same) console.log(format(releases, differences, sizes).join("\n"));
    process.exitCode = same ? 0 : EXIT_DIFFERENT;
  } catch (error) {
    console.error(`mkinitrd: ${explain(error)}`);
    process.exitCode = EXIT_TROUBLE;
  }
}

interface SizeChange {
  name: string;
  before: number;
  after: number;
}

/** Bytes of content by first cause, or by the first two directories: those that changed, the largest change first. */
async function sizeChanges(a: OpenedImage, b: OpenedImage): Promise<SizeChange[]> {
  const reasons = [await readReasons(a), await readReasons(b)];
  const by = reasons.includes(undefined) ? "directory" : "reason";
  const [before, after] = [totals(a, reasons[0], by), totals(b, reasons[1], by)];
  const names = new Set([...before.keys(), ...after.keys()]);
  return [...names].map((name) => ({ name, before: before.get(name) ?? 0, after: after.get(name) ?? 0 }))
    .filter((change) => change.before !== change.after)
    .sort((x, y) => Math.abs(y.after - y.before) - Math.abs(x.after - x.before));
}

function totals(image: OpenedImage, reasons: Parameters<typeof sizeTree>[1], by: "reason" | "directory"): Map<string, number> {
  const sizes = new Map<string, number>();
  for (const archive of sizeTree(image, reasons, by).parts) {
    for (const part of archive.parts) {
      const inner = by === "directory" && part.parts.length > 0 ? part.parts.map(({ name, bytes }) => [`${part.name}/${name}`, bytes] as const) : [[part.name, part.bytes] as const];
      for (const [name, bytes] of inner) sizes.set(name, (sizes.get(name) ?? 0) + bytes);
    }
  }
  return sizes;
}

const TITLES: [kind: Difference["kind"], title: string][] = [["file", "files"], ["module", "modules"], ["library", "libraries"]];

function format(releases: string[][], differences: Difference[], sizes: SizeChange[]): string[] {
  const [before, after] = releases.map((names) => names.join(", ") || "none");
  return [
    ...(before === after ? [] : [`kernel ${before} → ${after}`]),
    ...TITLES.flatMap(([kind, title]) => {
      const those = differences.filter((each) => each.kind === kind);
      return those.length === 0 ? [] : [`${title}:`, ...those.map((each) => `  ${each.sign} ${nameOf(each)}${each.changes.length === 0 ? "" : `: ${each.changes.join("; ")}`}`)];
    }),
    ...(sizes.length === 0 ? [] : ["size:", ...sizes.map(({ name, before, after }) => `  ${after > before ? "+" : "-"}${Math.abs(after - before)} bytes  ${name}`)]),
  ].map(printableLine);
}
