import { parseCryptOptions } from "../crypt/options.ts";
import { MkinitrdError } from "../errors.ts";
import { quote } from "../quote.ts";
import { parseLvmOptions } from "../volumes/lvm-options.ts";
import type { Stage } from "./types.ts";

/**
 * Throws when the value of an option is out of range, or options don't go together, for the kinds that this project serves: when
 * an image is built and when a command line is read, long before the device is there.
 */
export function checkStageOptions(stages: readonly Stage[]): void {
  for (const { kind, device, options } of stages) {
    const parsed = kind === "crypt" ? parseCryptOptions(options) : kind === "lvm" ? parseLvmOptions(options) : undefined;
    if (parsed === undefined || !("reason" in parsed)) continue;
    throw new MkinitrdError({ tried: "reading the realroot spec", on: quote(`${kind}:${device}`), found: `the option ${parsed.key}: ${parsed.reason}`, next: parsed.next });
  }
}
