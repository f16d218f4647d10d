import { styleText } from "node:util";
import { Command } from "commander";
import { printableLine } from "../../core/quote.ts";
import { kindTable } from "../../core/rc/boot-config.ts";
import { parseCommandLine } from "../../core/realroot/command-line.ts";
import { splitCommandLine } from "../../core/realroot/words.ts";
import { checkBoot } from "../check/check.ts";
import type { Finding, Hop } from "../check/findings.ts";
import { imageFacts } from "../check/image-facts.ts";
import { openImage } from "../image/open.ts";
import { addUnlockOptions, type UnlockOptions } from "../inspect/passphrases.ts";
import { withDisks } from "../inspect/with-disks.ts";
import { exitCodesHelp } from "./exit-codes.ts";
import { asCommandLine } from "./realroot.ts";
import { complain } from "./complain.ts";

const HELP = `
Walks the realroot stage by stage, as the boot would: is its script in the image, with its modules, programs and their libraries; is
the device on the disks, its header whole, its cipher in the kernel or the image; is there a driver for the root's filesystem,
and an init in it (looked for in ext2, ext3 and ext4). Without words the realroot is the image's own; without --disk only the image is
looked at. What fails has a line that says what to do.

${exitCodesHelp("check")}

  mkinitrd check initrd.img
  mkinitrd check initrd.img --disk /dev/sda --unlock
  mkinitrd check initrd.img --disk /dev/sda --tcrypt /dev/sda2,hash=sha512
  mkinitrd check initrd.img --disk disk.img realroot=crypt:none:/dev/vda2:pv0 realroot=lvm:auto:vg0/root`;

interface Options extends UnlockOptions {
  disk: string[];
  json?: true;
}

/** `mkinitrd check`: would this image boot this root? */
export function checkCommand(): Command {
  return addUnlockOptions(new Command("check"))
    .description("Says whether an image would boot a root, hop by hop.")
    .argument("<image>", "an image of mkinitrd")
    .argument("[words...]", "SPEC… or the kernel command line; the image's own realroot when not given")
    .option("--disk <file>", "a disk or image file that the root lies on; may be given several times", (file: string, all: string[]) => [...all, file], [])
    .option("--json", "print the hops as JSON")
    .addHelpText("after", HELP)
    .action(run);
}

async function run(file: string, words: string[], { disk, json, ...unlock }: Options): Promise<void> {
  const image = await imageFacts(await openImage(file));
  const { boot } = image;
  const line = asCommandLine(words);
  const request = parseCommandLine(line, { kinds: kindTable(boot), defaultRealroot: boot.realroot, sealed: boot.sealed });
  await withDisks(disk, unlock, async (survey) => {
    const hops = await checkBoot(image, request, { survey: disk.length === 0 ? undefined : survey, isGptForced: splitCommandLine(line).some(({ key, value }) => key === "gpt" && value === undefined) });
    const failed = hops.some(({ findings }) => findings.some(({ outcome }) => outcome === "failed"));
    const colours = process.stdout.isTTY && process.env["NO_COLOR"] === undefined;
    console.log(json === true ? JSON.stringify({ ok: !failed, hops }, null, 2) : [...hops.map((hop) => formatHop(hop, colours)), verdict(hops, disk.length > 0)].join("\n"));
    for (const problem of survey.problems) complain(problem);
    if (failed) process.exitCode = 1;
  });
}

const MARKS: Record<Finding["outcome"], { mark: string; colour: "green" | "red" | "yellow" }> = {
  ok: { mark: "+", colour: "green" },
  failed: { mark: "x", colour: "red" },
  unknown: { mark: "?", colour: "yellow" },
};

function formatHop({ findings, stage }: Hop, colours: boolean): string {
  return [printableLine(stage), ...findings.flatMap(({ evidence, next, outcome, what }) => {
    const { colour, mark } = MARKS[outcome];
    const shown = colours ? styleText(colour, mark, { validateStream: false }) : mark;
    return [`  ${shown} ${printableLine(what)}: ${printableLine(evidence)}`, ...(next === undefined ? [] : [`      next: ${printableLine(next)}`])];
  })].join("\n");
}

function verdict(hops: readonly Hop[], withDisks: boolean): string {
  const outcomes = hops.flatMap(({ findings }) => findings.map(({ outcome }) => outcome));
  const failed = outcomes.filter((outcome) => outcome === "failed").length;
  if (failed > 0) return `\nIt would not boot: ${failed === 1 ? "one thing is" : `${failed} things are`} missing or wrong.`;
  const unknown = outcomes.includes("unknown") ? ", as far as anybody can see from here" : "";
  return `\nNothing is missing${withDisks ? unknown : " in the image; --disk looks at the root's disks, too"}.`;
}
