import { MkinitrdError } from "../../core/errors.ts";
import { parseRealroot } from "../../core/realroot/stage.ts";
import type { KindTable, Stage } from "../../core/realroot/types.ts";
import { yamlError } from "./yaml-document.ts";

/** Parses what stands under `realroot:` in a YAML text. Throws with its line and column there. */
export function parseRealrootKey(realroot: string, kinds: KindTable, { text, fileName }: { text: string; fileName: string }): Stage[] {
  try {
    return parseRealroot(realroot, kinds);
  } catch (error) {
    if (!(error instanceof MkinitrdError)) throw error;
    const next = error.next === undefined ? "" : `\n  next: ${error.next}`;
    throw yamlError(text, fileName, ["realroot"], `realroot has ${error.on}: ${error.found}${next}`, error);
  }
}
