import { formatRealroot } from "../../core/realroot/stage.ts";
import type { KindTable } from "../../core/realroot/types.ts";
import type { RootStack } from "./stack.ts";

export interface ConfigFacts {
  stack: RootStack;
  kinds: KindTable;
  /** The line by which editors find the schema. */
  schemaLine: string;
  /** Where the image goes, and why there. */
  output: string;
}

/** A configuration for the machine, with the reason of each value behind a #. */
export function configText({ stack, kinds, schemaLine, output }: ConfigFacts): string {
  const { stages, reasons, alsoKinds, notes } = stack;
  const wanted = [...new Set([...stages.map(({ kind }) => kind), ...alsoKinds.map(({ kind }) => kind)])];
  const isEncrypted = stages.some(({ kind }) => kind === "crypt" || kind === "tcplay");
  return [
    schemaLine,
    "# What `mkinitrd build` makes for this machine; written by `mkinitrd init`.",
    "",
    ...stages.map((stage, index) => `# ${formatRealroot([stage], kinds)}: ${reasons[index] ?? ""}`),
    ...notes.map((note) => `# TO DO: ${note}`),
    `realroot: ${quoteYaml(formatRealroot(stages, kinds))}`,
    "",
    "# The kinds of root that the image opens: those of the realroot.",
    ...alsoKinds.map(({ kind, reason }) => `# ${kind}: ${reason}`),
    `realroots: [${wanted.join(", ")}]`,
    "",
    "# Drivers for any machine's disks and keyboards; `auto` packs those that this one has now, and is smaller.",
    "modules: generic",
    "",
    ...(isEncrypted ? [
      "# A passphrase is typed on this machine's keyboard.",
      "keymaps: [auto]",
      "",
      "# The prompt says which machine asks.",
      "hostname: auto",
      "",
      "# Nobody gets a shell when the root can't be opened, but whoever types the password of this file. docs/rescue.md",
      "# rescue: {password-file: /etc/mkinitrd/rescue.password}",
      "",
    ] : []),
    "compression: zstd",
    `output: ${quoteYaml(output)}`,
    "",
  ].join("\n");
}

/** As a plain scalar where YAML reads it as the text that it is. */
function quoteYaml(text: string): string {
  return /^[A-Za-z0-9/][A-Za-z0-9/:=@%._+, -]*$/.test(text) && !/: | #|:$|,/.test(text) ? text : JSON.stringify(text);
}
