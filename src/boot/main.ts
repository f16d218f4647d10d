import { appendFileSync } from "node:fs";
import { explain } from "../core/errors.ts";
import { printable } from "../core/quote.ts";
import { boot } from "./init.ts";
import { rescueAfterCrash } from "./crash.ts";
import { RUN_DIRECTORY } from "./log.ts";
import { EXIT_FAILED } from "./rescue.ts";

// Whatever nobody has caught; Node itself would show it with all that a disk may have put in it.
process.on("uncaughtException", fail);

// rc.d/init runs this as `boot`, and as `rescue STATUS` when that ended badly.
const [task, status] = process.argv.slice(2);
try {
  process.exitCode = task === "rescue" ? await rescueAfterCrash(Number(status)) : await boot();
} catch (error) {
  fail(error);
}
process.exit();

/** Ends with the error on the screen, and where it comes from in the log, which the rescue program shows. */
function fail(error: unknown): never {
  const stack = error instanceof Error && error.stack !== undefined ? error.stack : explain(error);
  try {
    appendFileSync(`${RUN_DIRECTORY}/log`, `${printable(`the boot program failed: ${stack}`)}\n`, { mode: 0o600 });
  } catch {
    // A full /run: the screen has it.
  }
  process.stdout.write(`${printable(explain(error))}\n`);
  process.exit(EXIT_FAILED);
}
