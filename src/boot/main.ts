import { explain } from "../core/errors.ts";
import { printable } from "../core/quote.ts";
import { boot } from "./init.ts";
import { rescueAfterCrash } from "./crash.ts";
import { EXIT_FAILED } from "./rescue.ts";

// rc.d/init runs this as `boot`, and as `rescue STATUS` when that ended badly.
const [task, status] = process.argv.slice(2);
try {
  process.exitCode = task === "rescue" ? await rescueAfterCrash(Number(status)) : await boot();
} catch (error) {
  process.stdout.write(`${printable(explain(error))}\n`);
  process.exitCode = EXIT_FAILED;
}
process.exit();
