import { Command } from "commander";
import { MkinitrdError } from "../../core/errors.ts";
import { parseCommandLine } from "../../core/realroot/command-line.ts";
import { explainRealroot } from "../../core/realroot/explain.ts";
import { formatStage } from "../../core/realroot/stage.ts";
import type { BootRequest, KindTable } from "../../core/realroot/types.ts";
import { splitWords } from "../../core/realroot/words.ts";
import { checkConfigRealroot, readConfig } from "../config/config.ts";
import { readKinds } from "../config/kinds.ts";

const HELP = `
SPEC is what stands behind realroot= on the kernel command line, several for several stages; COMMAND LINE is all of it,
as in /proc/cmdline. One argument or many, quoted as the kernel takes it.

  mkinitrd realroot local:ext4:UUID=2f1c7c5e-7e9e-4d6d-8f3e-0d9b1d0a6c11
  mkinitrd realroot crypt:none:/dev/vda2:pv0 lvm:auto:vg0/root
  mkinitrd realroot "$(cat /proc/cmdline)"`;

interface RealrootOptions {
  config?: string;
  json?: true;
}

/** `mkinitrd realroot`: parses a spec or a kernel command line, and says what a boot would do with it. */
export function realrootCommand(): Command {
  return new Command("realroot")
    .description("Parses a realroot spec or a kernel command line, and explains what it does.")
    .argument("[words...]", "SPEC… or COMMAND LINE; none for what the configuration alone asks for")
    .option("-c, --config <file>", "take the default spec, the rc scripts and sealed from this configuration")
    .option("--json", "print the request as JSON")
    .addHelpText("after", HELP)
    .action(run);
}

async function run(words: string[], { config: path, json }: RealrootOptions): Promise<void> {
  const isEmpty = words.every((word) => word.trim() === "");
  if (words.length > 0 ? isEmpty : path === undefined) {
    throw new MkinitrdError({
      tried: "reading the realroot spec", on: words.length > 0 ? '""' : "the command line", found: "it is empty",
      next: 'write a spec, KIND:FILESYSTEM:DEVICE as in local:ext4:/dev/vda1, or a kernel command line: "$(cat /proc/cmdline)"; -c FILE alone asks for the default of a configuration',
    });
  }
  const config = path === undefined ? undefined : await readConfig(path);
  const kinds = await readKinds(config?.scripts);
  if (config !== undefined) checkConfigRealroot(config, kinds);
  const request = parseCommandLine(asCommandLine(words), { kinds, defaultRealroot: config?.realroot ?? "", sealed: config?.sealed ?? false });
  console.log(json === true ? JSON.stringify(describeRequest(request, kinds), null, 2) : explainText(request, kinds));
}

/** Command-line text for any of the three: a command line, one spec, or several. Exported for the examples' test. */
export function asCommandLine(args: readonly string[]): string {
  const text = args.length === 1 ? (args[0] ?? "") : args.map((arg) => (/[\s"]/.test(arg) ? `"${arg.replaceAll('"', "")}"` : arg)).join(" ");
  const words = splitWords(text);
  const [first] = words;
  if (first === undefined || !(isSpec(first) || (words.length === 1 && !first.includes("=")))) return text;
  // The lineage's options hold blanks: "tcplay:ext4:vda2:root:-e -s /dev/sda".
  const specs = args.length === 1 && !words.every(isSpec) ? [text.replaceAll('"', "")] : words;
  return specs.map((spec) => `"realroot=${spec}"`).join(" ");
}

function isSpec(word: string): boolean {
  return /^[^=:]+:/.test(word);
}

/** The words that ask for the same stages, and under them what happens. */
export function explainText(request: BootRequest, kinds: KindTable): string {
  const words = request.stages.map((stage) => `realroot=${formatStage(stage, kinds)}`);
  return [...words, ...explainRealroot(request).map((sentence) => `  ${sentence}`)].join("\n");
}

function describeRequest(request: BootRequest, kinds: KindTable): object {
  return { ...request, specs: request.stages.map((stage) => formatStage(stage, kinds)), explanation: explainRealroot(request) };
}
