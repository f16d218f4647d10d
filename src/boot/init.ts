import { readFileSync } from "node:fs";
import { MkinitrdError } from "../core/errors.ts";
import { kindTable, type BootConfig } from "../core/rc/boot-config.ts";
import type { StepScript } from "../core/rc/types.ts";
import { parseCommandLine } from "../core/realroot/command-line.ts";
import type { CrypttabEntry } from "../core/realroot/crypttab.ts";
import type { BootRequest } from "../core/realroot/types.ts";
import { openConsole } from "./console.ts";
import { createContext, loadScript } from "./context.ts";
import { readCommandLine, readConfig, readRescue } from "./config.ts";
import { nameStages, readCrypttab } from "./crypttab.ts";
import { createDevices } from "./devices.ts";
import { createKeymaps, startKeymap } from "./keymaps.ts";
import { createLog, readUptime, RUN_DIRECTORY } from "./log.ts";
import { askPassword } from "./password.ts";
import { reportFailure } from "./report.ts";
import { EXIT_HANDED_OVER, runRescue, runShell } from "./rescue.ts";
import { runSteps } from "./runner.ts";
import { createScreen, noScreen } from "./tui/screen.ts";

/** The early boot, from the command line to a mounted root. Returns the exit status for pid 1: 0 hands over. */
export async function boot(): Promise<number> {
  const terminal = openConsole();
  const screen = terminal === undefined ? noScreen() : createScreen(terminal, () => log.mark("prompt"));
  const log = createLog({ file: `${RUN_DIRECTORY}/log`, print: screen.print });
  markStart(log);
  let policy = readRescue(undefined, ""); // until the image has said that it is no encrypted one
  try {
    const words = readCommandLine();
    const config = readConfig();
    policy = readRescue(config, words);
    await startKeymap(createKeymaps(config), { commandLine: words, sealed: config.sealed, log });
    const crypttab = readCrypttab(config);
    const request = nameStages(readRequest(words, config), crypttab.entries);
    log.show(request);
    log.step(`mkinitrd, image ${config.imageId}, Linux ${readFileSync("/proc/sys/kernel/osrelease", "latin1").trim()}`);
    for (const warning of request.warnings) log.warn(warning);
    const names = config.steps.map(({ name }) => name);
    if (request.breakAt !== undefined && !names.includes(request.breakAt)) log.warn(`mkinitrd.break=${request.breakAt}: no such step; known: ${names.join(", ")}`);
    for (const warning of crypttab.warnings) log.debug(`/etc/crypttab, ${warning}`); // most of it is the running system's
    await runBootSteps(config, request, crypttab.entries);
    return EXIT_HANDED_OVER;
  } catch (error) {
    await screen.close();
    await reportFailure(log, error);
    return await runRescue({ terminal, log, error, policy });
  } finally {
    await screen.close();
    terminal?.close();
  }

  async function runBootSteps(config: BootConfig, request: BootRequest, crypttab: CrypttabEntry[]): Promise<void> {
    if (crypttab.length > 0 || request.stages.some((stage) => config.kinds[stage.kind]?.encrypted)) screen.prepare();
    const devices = createDevices(log);
    const context = createContext({ config, request, devices, screen, log, crypttab });
    try {
      await runSteps(
        config.steps,
        async (step) => {
          try {
            if (request.breakAt === step.name) await breakBefore(step.name);
            const script = await loadScript<StepScript>(step.script);
            await script(context);
          } catch (error) {
            await screen.close(); // nobody need answer a question of a boot that has failed
            throw error;
          }
        },
        log.debug,
      );
    } finally {
      await devices.stop();
    }
  }

  /** `mkinitrd.break=STEP`: a shell in front of a step, where the image allows one. */
  async function breakBefore(step: string): Promise<void> {
    const { shell, passwordHash } = policy;
    if (terminal === undefined || shell === "never") return log.warn(`mkinitrd.break=${step} does nothing: this image gives no shell`);
    await screen.leave(async () => {
      if (shell === "open" || (passwordHash !== undefined && (await askPassword(terminal, passwordHash)))) await runShell(terminal, `A shell before the step ${step}. \`exit\` goes on.`);
    });
  }
}

/** The points of the timeline that lie before the first line of ours. */
function markStart(log: { mark(name: string, uptimeSeconds?: number): void }): void {
  const now = readUptime();
  try {
    log.mark("pid 1 started", Number(readFileSync(`${RUN_DIRECTORY}/init-uptime`, "latin1")));
  } catch {
    // Only the timeline lacks it.
  }
  log.mark("node started", now - performance.now() / 1000);
  log.mark("boot program running", now);
}

function readRequest(words: string, config: BootConfig): BootRequest {
  const request = parseCommandLine(words, { kinds: kindTable(config), defaultRealroot: config.realroot, sealed: config.sealed });
  // An image that serves no kind of root has another task, such as making disks.
  if (request.stages.length > 0 || Object.keys(config.kinds).length === 0) return request;
  throw new MkinitrdError({
    tried: "finding out which root to mount",
    on: "the kernel command line",
    found: ["no realroot, and the image has no default one", ...request.warnings].join("; "),
    next: "add realroot=KIND:FILESYSTEM:DEVICE to the kernel command line, as in realroot=local:ext4:UUID=…",
  });
}
