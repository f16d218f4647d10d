import { readFileSync, writeFileSync } from "node:fs";
import { explain } from "../core/errors.ts";
import { printable } from "../core/quote.ts";
import { type BootConfig, kindTable } from "../core/rc/boot-config.ts";
import { parseCommandLine } from "../core/realroot/command-line.ts";
import { formatRealroot, parseRealroot } from "../core/realroot/stage.ts";
import type { BootRequest } from "../core/realroot/types.ts";
import { rootCandidates } from "../core/volumes/roots.ts";
import type { Volume } from "../core/volumes/types.ts";
import { RUN_DIRECTORY } from "./log.ts";
import { type Choice, EXIT_RETRY, LIST_KEYS } from "./menu.ts";
import type { Screen } from "./tui/screen.ts";

/** The realroot that a person chose in place of the one asked for; until the machine is started anew. */
const CHOSEN = `${RUN_DIRECTORY}/realroot`;

export interface OtherRootOptions {
  screen: Pick<Screen, "ask" | "print">;
  config: BootConfig;
  scan(): Promise<Volume[]>;
  /** The one that was tried; undefined when there was none, or none that could be read. */
  current(): BootRequest["stages"] | undefined;
  file?: string;
}

/** What the menu offers to whoever may have a shell: another root than the one asked for, for this boot. */
export function otherRootChoices(options: OtherRootOptions): Choice[] {
  return [
    { key: "o", text: "choose another root", run: () => choose(options) },
    { key: "e", text: "edit the realroot", run: () => edit(options) },
  ];
}

/** From the volumes that are there. The boot begins anew with it. */
async function choose({ screen, config, scan, file = CHOSEN }: OtherRootOptions): Promise<number | void> {
  const kinds = kindTable(config);
  const found = rootCandidates(await scan()).filter(({ stages }) => stages.every(({ kind }) => Object.hasOwn(kinds, kind))).slice(0, LIST_KEYS.length);
  if (found.length === 0) return screen.print("\nNo volume that is here may be the root; the log lists them all.");
  const items = found.map(({ about }, index) => ({ key: LIST_KEYS[index]!, text: about }));
  const answer = (await screen.ask({ kind: "choice", title: "Which volume is the root?", items, back: true }))?.answer;
  if (answer === undefined) return;
  writeFileSync(file, formatRealroot(found[answer]!.stages, kinds), { mode: 0o600 });
  return EXIT_RETRY;
}

async function edit({ screen, config, current, file = CHOSEN }: OtherRootOptions): Promise<number | void> {
  const kinds = kindTable(config);
  let text = formatRealroot(current() ?? [], kinds);
  let refused: string[] = [];
  for (;;) {
    const hints = [...refused, `KIND:FILESYSTEM:DEVICE:…, stages apart by a blank; kinds: ${Object.keys(kinds).join(", ")}`, "Enter boots it, Escape goes back."];
    const answer = (await screen.ask({ kind: "text", title: "The realroot of this boot", text, hints }))?.answer;
    if (answer === undefined) return;
    text = answer;
    try {
      const stages = parseRealroot(text, kinds);
      if (stages.length === 0) throw new Error("no stage at all");
      writeFileSync(file, formatRealroot(stages, kinds), { mode: 0o600 });
      return EXIT_RETRY;
    } catch (error) {
      refused = printable(explain(error)).split("\n");
    }
  }
}

/** What the kernel command line asks of this boot, with the realroot that was chosen in place of its own, if one was. */
export function parseRequest(words: string, config: BootConfig): BootRequest {
  const chosen = readChosenRoot();
  return parseCommandLine(words, { kinds: kindTable(config), defaultRealroot: config.realroot, sealed: config.sealed, ...(chosen === undefined ? {} : { chosen }) });
}

/** The realroot that was chosen before this attempt, if any. */
export function readChosenRoot(file = CHOSEN): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return undefined;
  }
}
