import { MkinitrdError } from "../core/errors.ts";
import { readCommandLine, readConfig, readRescue, type Rescue } from "./config.ts";
import { openConsoles } from "./console.ts";
import { restoreKernelLog } from "./kernel-log.ts";
import { createLog, RUN_DIRECTORY } from "./log.ts";
import { reportFailure } from "./report.ts";
import { runRescue } from "./rescue.ts";
import { createScreen } from "./tui/screen.ts";

/** A shell's exit status for a program killed by signal N is 128 + N; POSIX, 2.8.2. */
const KILLED = 128;
/** The views of the boot program may have gone with a frame half drawn (DECSET 2026) and the cursor hidden (25). */
const SHOW_CURSOR = "\x1b[?2026l\x1b[?25h\x1b[0m";

/** The rescue program: the boot program is gone, with this exit status, and pid 1 has ended all that it started. */
export async function rescueAfterCrash(status: number): Promise<number> {
  restoreKernelLog();
  const terminals = openConsoles();
  for (const terminal of terminals) if (!terminal.isDumb) terminal.write(SHOW_CURSOR);
  const screen = createScreen({ terminals, plain: true }); // the views may be to blame
  const log = createLog({ file: `${RUN_DIRECTORY}/log`, print: screen.print });
  const error = new MkinitrdError({
    tried: "running the boot program",
    on: "this machine",
    found: status > KILLED ? `signal ${status - KILLED} ended it${status === KILLED + 9 ? ", as when memory runs out" : ""}` : `it ended with ${status}`,
    next: "retry; when it happens again, give the machine more memory, or boot an older image",
  });
  try {
    await reportFailure(log, error);
    return await runRescue({ screen, log, error, policy: readPolicy() });
  } finally {
    await screen.close();
    await Promise.all(terminals.map((terminal) => terminal.close()));
  }
}

/** Fails closed: an image whose configuration can't be read gives no shell. */
function readPolicy(): Rescue {
  try {
    return readRescue(readConfig(), readCommandLine());
  } catch {
    return readRescue(undefined, "");
  }
}
