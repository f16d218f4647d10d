import { parseCryptOptions } from "../crypt/options.ts";
import { MkinitrdError } from "../errors.ts";
import { quote } from "../quote.ts";
import { readTcryptOptions } from "../tcrypt/options.ts";
import { parseDegraded } from "../volumes/degraded.ts";
import { parseLvmOptions } from "../volumes/lvm-options.ts";
import type { BadOption, Stage } from "./types.ts";

/** What is wrong with the options of a kind, if anything; for the kinds that this project serves and whose options have values. */
function readProblem({ kind, options }: Stage): BadOption | undefined {
  switch (kind) {
    case "crypt":
      return problemOf(parseCryptOptions(options));
    case "lvm":
      return problemOf(parseLvmOptions(options));
    case "tcplay":
      return problemOf(readTcryptOptions(options));
    case "md": {
      const degraded = parseDegraded(options["degraded"]);
      return typeof degraded === "object" && "reason" in degraded ? { key: "degraded", ...degraded } : undefined;
    }
    default:
      return undefined;
  }
}

function problemOf(read: object | BadOption): BadOption | undefined {
  return "reason" in read ? (read as BadOption) : undefined;
}

/**
 * Throws when the value of an option is out of range, or options don't go together, for the kinds that this project serves: when
 * an image is built and when a command line is read, long before the device is there.
 */
export function checkStageOptions(stages: readonly Stage[]): void {
  for (const stage of stages) {
    const problem = readProblem(stage);
    if (problem === undefined) continue;
    throw new MkinitrdError({ tried: "reading the realroot spec", on: quote(`${stage.kind}:${stage.device}`), found: `the option ${problem.key}: ${problem.reason}`, next: problem.next });
  }
}
