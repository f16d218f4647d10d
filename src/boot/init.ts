import { readFileSync } from "node:fs";
import { MkinitrdError } from "../core/errors.ts";
import { printableLine } from "../core/quote.ts";
import { kindTable, type BootConfig } from "../core/rc/boot-config.ts";
import type { StepScript } from "../core/rc/types.ts";
import { parseCommandLine } from "../core/realroot/command-line.ts";
import type { CrypttabEntry } from "../core/realroot/crypttab.ts";
import type { BootRequest } from "../core/realroot/types.ts";
import { openConsoles } from "./console.ts";
import { createContext, loadScript } from "./context.ts";
import { readCommandLine, readConfig, readRescue } from "./config.ts";
import { nameStages, readCrypttab } from "./crypttab.ts";
import { createDevices } from "./devices.ts";
import { createKeymaps, startKeymap } from "./keymaps.ts";
import { openDoor } from "./door.ts";
import { createLog, readUptime, RUN_DIRECTORY } from "./log.ts";
import { askPassword } from "./password.ts";
import { reportFailure } from "./report.ts";
import { chooseFrom, listChoices, type MenuOptions, runShell } from "./menu.ts";
import { createKernelLog } from "./kernel-log.ts";
import { keymapChoice } from "./keymap-choice.ts";
import { otherRootChoices, readChosenRoot } from "./other-root.ts";
import { EXIT_HANDED_OVER, isLastRound, lastMenu, runRescue } from "./rescue.ts";
import { createScan } from "./scan.ts";
import { runSteps } from "./runner.ts";
import { createScreen } from "./tui/screen.ts";

/** The early boot, from the command line to a mounted root. Returns the exit status for pid 1: 0 hands over. */
export async function boot(): Promise<number> {
  const terminals = openConsoles();
  const screen = createScreen({ terminals, onPrompt: () => log.mark("prompt"), onDraw: () => kernelLog.start() });
  const kernelLog = createKernelLog(screen.print);
  const log = createLog({ file: `${RUN_DIRECTORY}/log`, print: screen.print });
  markStart(log);
  let policy = readRescue(undefined, ""); // until the image has said that it is no encrypted one
  let more: MenuOptions["more"];
  let closeDoor = () => {};
  try {
    const words = readCommandLine();
    const config = readConfig();
    policy = readRescue(config, words);
    const keymaps = createKeymaps(config);
    await startKeymap(keymaps, { commandLine: words, sealed: config.sealed, log });
    if (keymaps.current !== undefined) screen.show({ keymap: keymaps.current });
    let request: BootRequest | undefined;
    const otherRoot = otherRootChoices({ screen, config, scan: createScan(log), current: () => request?.stages });
    more = [...keymapChoice(screen, keymaps), ...otherRoot.map((choice) => ({ ...choice, guarded: true }))];
    const crypttab = readCrypttab(config);
    request = nameStages(readRequest(words, config), crypttab.entries);
    log.show(request);
    const release = readFileSync("/proc/sys/kernel/osrelease", "latin1").trim();
    screen.show({ quiet: request.quiet, header: [...(config.hostname === undefined ? [] : [printableLine(config.hostname)]), `Linux ${release}`, `image ${config.imageId}`] });
    log.step(`mkinitrd, image ${config.imageId}, Linux ${release}`);
    for (const warning of request.warnings) log.warn(warning);
    const names = config.steps.map(({ name }) => name);
    if (request.breakAt !== undefined && !names.includes(request.breakAt)) log.warn(`mkinitrd.break=${request.breakAt}: no such step; known: ${names.join(", ")}`);
    for (const warning of crypttab.warnings) log.debug(`/etc/crypttab, ${warning}`); // most of it is the running system's
    const chosen = offerMenu(more);
    closeDoor = await openDoor(screen.questions, log.debug);
    return await Promise.race([runBootSteps(config, request, crypttab.entries).then(() => EXIT_HANDED_OVER), chosen]);
  } catch (error) {
    screen.cancel();
    closeDoor();
    await reportFailure(log, error);
    return await runRescue({ screen, log, error, policy, more });
  } finally {
    closeDoor();
    await screen.close();
    kernelLog.stop();
    for (const terminal of terminals) terminal.close();
  }

  /** The menu behind Escape. Resolves when what is chosen there ends the boot. */
  function offerMenu(offered: MenuOptions["more"]): Promise<number> {
    const { promise, resolve } = Promise.withResolvers<number>();
    let isOpen = false;
    screen.onEscape(async () => {
      if (isOpen) return;
      isOpen = true;
      const choices = listChoices({ screen, lines: log.lines, policy, more: offered });
      const status = await chooseFrom(screen, "Menu", choices, { back: true }).catch(() => undefined); // the boot has ended
      isOpen = false;
      if (status === undefined) return;
      // Who begins anew after a wrong passphrase has used up a round of them.
      if (screen.wrongPassphrases > 0 && isLastRound(policy)) await lastMenu({ screen, log, policy });
      resolve(status);
    });
    return promise;
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
            screen.cancel(); // nobody need answer a question of a boot that has failed
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
    if (terminals.length === 0 || shell === "never") return log.warn(`mkinitrd.break=${step} does nothing: this image gives no shell`);
    if (shell === "open" || (passwordHash !== undefined && (await askPassword(screen, passwordHash)))) {
      await runShell(screen, undefined, `A shell before the step ${step}. \`exit\` goes on.`);
    }
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
  const chosen = readChosenRoot();
  const request = parseCommandLine(words, { kinds: kindTable(config), defaultRealroot: config.realroot, sealed: config.sealed, ...(chosen === undefined ? {} : { chosen }) });
  // An image that serves no kind of root has another task, such as making disks.
  if (request.stages.length > 0 || Object.keys(config.kinds).length === 0) return request;
  throw new MkinitrdError({
    tried: "finding out which root to mount",
    on: "the kernel command line",
    found: ["no realroot, and the image has no default one", ...request.warnings].join("; "),
    next: "add realroot=KIND:FILESYSTEM:DEVICE to the kernel command line, as in realroot=local:ext4:UUID=…",
  });
}
