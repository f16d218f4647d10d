import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { basename, resolve } from "node:path";
import { Command } from "commander";
import { MkinitrdError } from "../../core/errors.ts";
import { parseFstab } from "../../core/formats/fstab.ts";
import { parseCrypttab } from "../../core/realroot/crypttab.ts";
import type { KindTable } from "../../core/realroot/types.ts";
import { schemaLine } from "../config/schema-line.ts";
import { readKinds } from "../config/kinds.ts";
import { exec } from "../exec.ts";
import { configText } from "../init/config-text.ts";
import { LSBLK_ARGUMENTS, parseLsblk, probeUnknown } from "../init/lsblk.ts";
import { type MachineFacts, rootStack } from "../init/stack.ts";
import { packageRoot } from "../package-root.ts";
import { describeIoError } from "../read-text.ts";

const HELP = `
It looks at /etc/fstab, /etc/crypttab, what lsblk lists, and, where it may, at what udev knows nothing of; it need not be root. Nothing else is changed; an existing file is not
overwritten. Then:

  mkinitrd build -c FILE --test`;

/** `mkinitrd init`: this machine → a configuration for it. */
export function initCommand(): Command {
  return new Command("init")
    .description("Writes a configuration for this machine, with the reason of each value.")
    .option("-o, --output <file>", "the configuration to write; - for standard output", "mkinitrd.config.yaml")
    .option("--image <file>", "the image that it names as output", "/boot/initrd-mkinitrd.img")
    .addHelpText("after", HELP)
    .action(run);
}

async function run({ output, image }: { output: string; image: string }): Promise<void> {
  if (output !== "-" && existsSync(output)) throw new MkinitrdError({ tried: "writing the configuration", on: output, found: "there is such a file already", next: "name another one: -o FILE" });
  const kinds = await readKinds();
  const facts = await readMachine(kinds);
  const stack = rootStack(facts);
  const text = configText({ stack, kinds, schemaLine: schemaLine(resolve(output), packageRoot()), output: image });
  if (output === "-") return void process.stdout.write(text);
  try {
    writeFileSync(output, text, { flag: "wx", mode: 0o644 });
  } catch (cause) {
    throw new MkinitrdError({ tried: "writing the configuration", on: output, found: describeIoError(cause), next: "name another place: -o FILE", cause });
  }
  for (const note of stack.notes) console.error(`mkinitrd: to do: ${note}`);
  console.log(`${output}: ${stack.reasons.join("; ") || "written"}`);
}

async function readMachine(kinds: KindTable): Promise<MachineFacts> {
  const { stdout } = await exec("lsblk", LSBLK_ARGUMENTS);
  const root = optional("/proc/self/mountinfo").split("\n").map((line) => line.split(" ")).findLast(([, , , , target]) => target === "/");
  const devices = parseLsblk(stdout);
  await probeUnknown(devices);
  return {
    devices,
    fstab: parseFstab(optional("/etc/fstab")).entries,
    crypttab: parseCrypttab(optional("/etc/crypttab"), kinds),
    dmUuid: (kname) => optional(`/sys/class/block/${basename(kname)}/dm/uuid`).trim() || undefined,
    subvolume: root?.[3],
  };
}

/** A file that a machine may lack, or not let everybody read. */
function optional(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}
