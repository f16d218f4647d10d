import { explain, MkinitrdError } from "../../core/errors.ts";
import { formatRealroot, parseRealroot } from "../../core/realroot/stage.ts";
import type { KindTable, Stage } from "../../core/realroot/types.ts";
import type { RootStack } from "./stack.ts";

export interface ConfigFacts {
  stack: RootStack;
  kinds: KindTable;
  /** The line by which editors find the schema. */
  schemaLine: string;
  /** Where the image goes, and why there. */
  output: string;
}

/** A configuration for the machine, with the reason of each value behind a #. Throws where its realroot would be none. */
export function configText({ stack, kinds, schemaLine, output }: ConfigFacts): string {
  const { stages, reasons, alsoKinds, notes } = stack;
  const wanted = [...new Set([...stages.map(({ kind }) => kind), ...alsoKinds.map(({ kind }) => kind)])];
  const isEncrypted = stages.some(({ kind }) => kind === "crypt" || kind === "tcplay");
  const realroot = realrootText(stages, kinds);
  return [
    schemaLine,
    "# What `mkinitrd build` makes for this machine; written by `mkinitrd init`.",
    "",
    ...stages.map((stage, index) => `# ${formatRealroot([stage], kinds)}: ${reasons[index] ?? ""}`),
    ...notes.map((note) => `# TO DO: ${note}`),
    `realroot: ${quoteYaml(realroot)}`,
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

/** The spec of these stages, read back before anybody relies on it. */
function realrootText(stages: readonly Stage[], kinds: KindTable): string {
  try {
    const text = formatRealroot(stages, kinds);
    parseRealroot(text, kinds);
    return text;
  } catch (cause) {
    throw new MkinitrdError({
      tried: "writing the realroot of this machine",
      on: stages.map(({ kind, device, name }) => [kind, device, ...(name === undefined ? [] : [name])].join(" ")).join(", "),
      found: `it is no spec that can be read: ${explain(cause)}`, next: "write the realroot yourself: docs/realroot.md", cause,
    });
  }
}

/** As a plain scalar where YAML reads it as the text that it is. */
function quoteYaml(text: string): string {
  return /^[A-Za-z0-9/][A-Za-z0-9/:=@%._+, -]*$/.test(text) && !/: | #|:$|,/.test(text) ? text : JSON.stringify(text);
}
