import { Command } from "commander";
import { printableLine } from "../../core/quote.ts";
import { auditImage, type ImageAudit } from "../audit/image.ts";
import { EXIT, exitCodesHelp } from "./exit-codes.ts";

const HELP = `
Looks for key files, private keys, passwords and their hashes, LUKS headers, and what age, Clevis or a TPM has sealed. Each is
listed with its mode and with what it was recognised by. An image that holds any should be readable by its owner alone.
It reads images of any tool, in every compression that the kernel knows. Nothing is unpacked to the disk.

${exitCodesHelp("audit")}

  mkinitrd audit /boot/initrd.img
  mkinitrd audit --json initrd.img`;

/** `mkinitrd audit`: what in an image is secret, and who may read it. */
export function auditCommand(): Command {
  return new Command("audit")
    .description("Lists what in an image looks like a secret, and who may read it.")
    .argument("<image>", "the image")
    .option("--json", "print the findings as JSON")
    .addHelpText("after", HELP)
    .action(run);
}

async function run(image: string, { json }: { json?: true }): Promise<void> {
  const audit = await auditImage(image);
  console.log(json === true ? JSON.stringify(withModes(audit), null, 2) : formatAudit(audit));
  if (audit.exposed !== undefined || audit.secrets.some(({ exposed }) => exposed !== undefined)) process.exitCode = EXIT.found;
}

/** The findings as a person reads them: a row each, the image last; `!` before what others may read. */
export function formatAudit({ image, mode, exposed, secrets }: ImageAudit): string {
  const rows = secrets.map((secret) => [secret.exposed === undefined ? " " : "!", octal(secret.mode), secret.kind, printableLine(`/${secret.path}`), printableLine(describe(secret))]);
  const widths = [0, 1, 2, 3].map((column) => Math.max(0, ...rows.map((row) => (row[column] ?? "").length)));
  const count = secrets.length === 1 ? "1 secret" : `${secrets.length === 0 ? "no" : secrets.length} secrets`;
  return [
    ...rows.map((row) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join("  ").trimEnd()),
    `${exposed === undefined ? " " : "!"}  ${octal(mode)}  ${printableLine(image)}: ${count}${exposed === undefined ? "" : `; ${exposed}`}`,
  ].join("\n");
}

function describe({ reason, exposed }: ImageAudit["secrets"][number]): string {
  return exposed === undefined ? reason : `${reason}; ${exposed}`;
}

/** Modes as chmod takes them. */
function withModes({ image, mode, secrets, ...audit }: ImageAudit): object {
  return { image, mode: octal(mode), ...audit, secrets: secrets.map((secret) => ({ ...secret, path: `/${secret.path}`, mode: octal(secret.mode) })) };
}

function octal(mode: number): string {
  return mode.toString(8).padStart(4, "0");
}
