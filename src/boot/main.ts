import { appendFileSync } from "node:fs";
import { startupSnapshot } from "node:v8";
import { explain } from "../core/errors.ts";
import { printable } from "../core/quote.ts";
import { boot } from "./init.ts";
import { rescueAfterCrash } from "./crash.ts";
import { RUN_DIRECTORY } from "./log.ts";
import { EXIT_FAILED } from "./rescue.ts";
import { selfTest } from "./self-test.ts";

/** What Node is while the boot program is kept; each is set anew at the start. */
const PROCESS = { execPath: "/usr/bin/node", argv0: "/usr/bin/node", pid: 1 };

// When the image is built, Node loads this file and all that it imports, and keeps its heap for the boot to start from:
// no module may look at the machine, or open anything, while it is loaded.
if (startupSnapshot.isBuildingSnapshot()) keepHeap();
else void main();

/** What Node keeps of the process that makes the snapshot would make each build's another one; it is set anew at the start. */
function keepHeap(): void {
  startupSnapshot.setDeserializeMainFunction(main);
  for (const [name, value] of Object.entries(PROCESS)) Object.defineProperty(process, name, { value });
  process.argv = [];
}

/** rc.d/init runs this as `boot`, and as `rescue STATUS` when that ended badly; the builder runs it as `self-test`. */
async function main(): Promise<never> {
  // Whatever nobody has caught; Node itself would show it with all that a disk may have put in it.
  process.on("uncaughtException", fail);
  const [task, ...words] = process.argv.slice(2);
  try {
    if (task === "self-test") process.exit(await selfTest(words));
    process.exit(task === "rescue" ? await rescueAfterCrash(Number(words[0])) : await boot());
  } catch (error) {
    fail(error);
  }
}

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
