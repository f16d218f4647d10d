import { readFileSync } from "node:fs";
import { MkinitrdError } from "../core/errors.ts";
import { printableLine } from "../core/quote.ts";
import type { BootConfig } from "../core/rc/boot-config.ts";
import type { StepScript } from "../core/rc/types.ts";
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
import { otherRootChoices, parseRequest } from "./other-root.ts";
import { EXIT_HANDED_OVER, lastMenu, runRescue } from "./rescue.ts";
import { createRounds } from "./rounds.ts";
import { createScan } from "./scan.ts";
import { runSteps } from "./runner.ts";
import { createScreen, type Screen } from "./tui/screen.ts";

/** The early boot, from the command line to a mounted root. Returns the exit status for pid 1: 0 hands over. */
export async function boot(): Promise<number> {
  const terminals = openConsoles();
  const screen = createScreen({ terminals, onPrompt: () => log.mark("prompt"), onWrong: () => rounds.begin(), onDraw: () => kernelLog.start() });
  const kernelLog = createKernelLog(screen.print);
  const log = createLog({ file: `${RUN_DIRECTORY}/log`, print: screen.print });
  markStart(log);
  let policy = readRescue(undefined, ""); // until the image has said that it is no encrypted one
  let rounds = createRounds(policy.rounds);
  let offer = (_on: Screen): MenuOptions["more"] => undefined;
  let closeDoor = () => {};
  const menuIsOver = new AbortController();
  try {
    const words = readCommandLine();
    const config = readConfig();
    policy = readRescue(config, words);
    rounds = createRounds(policy.rounds);
    if (rounds.end()) return await lastMenu({ screen, log, policy }); // the attempt before this one was the last, however it ended
    const keymaps = createKeymaps(config);
    await startKeymap(keymaps, { commandLine: words, sealed: config.sealed, log });
    if (keymaps.current !== undefined) screen.show({ keymap: keymaps.current });
    let request: BootRequest | undefined;
    const otherRoot = (on: Screen) => otherRootChoices({ screen: on, config, scan: createScan(log), current: () => request?.stages });
    offer = (on) => [...keymapChoice(on, keymaps), ...otherRoot(on).map((choice) => ({ ...choice, guarded: true }))];
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
    const chosen = offerMenu();
    closeDoor = await openDoor(screen.questions, log.debug);
    const status = await Promise.race([runBootSteps(config, request, crypttab.entries).then(() => EXIT_HANDED_OVER), chosen]);
    await screen.free(); // nobody's shell is taken along
    if (status === EXIT_HANDED_OVER) return status;
    screen.cancel();
    closeDoor();
    // Who begins anew behind a wrong passphrase has used up a round of them.
    return rounds.end() ? await lastMenu({ screen, log, policy }) : status;
  } catch (error) {
    menuIsOver.abort();
    screen.cancel();
    closeDoor();
    await screen.free();
    await reportFailure(log, error);
    return await runRescue({ screen, log, error, policy, rounds, more: offer(screen) });
  } finally {
    closeDoor();
    await screen.close();
    kernelLog.stop();
    await Promise.all(terminals.map((terminal) => terminal.close()));
  }

  /** The menu behind Escape. Resolves when what is chosen there ends the boot. */
  function offerMenu(): Promise<number> {
    const { promise, resolve } = Promise.withResolvers<number>();
    // What it asks is over when the boot is.
    const asking: Screen = { ...screen, ask: (dialog) => (menuIsOver.signal.aborted ? Promise.resolve(undefined) : screen.ask(dialog, menuIsOver.signal)) };
    const choices = listChoices({ screen: asking, lines: log.lines, policy, more: offer(asking) });
    let isOpen = false;
    screen.onEscape(async () => {
      if (isOpen || menuIsOver.signal.aborted) return;
      isOpen = true;
      const status = await chooseFrom(asking, "Menu", choices, { back: true }).catch(() => undefined); // the boot has ended
      isOpen = false;
      if (status !== undefined) resolve(status);
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
  const request = parseRequest(words, config);
  // An image that serves no kind of root has another task, such as making disks.
  if (request.stages.length > 0 || Object.keys(config.kinds).length === 0) return request;
  throw new MkinitrdError({
    tried: "finding out which root to mount",
    on: "the kernel command line",
    found: ["no realroot, and the image has no default one", ...request.warnings].join("; "),
    next: "add realroot=KIND:FILESYSTEM:DEVICE to the kernel command line, as in realroot=local:ext4:UUID=…",
  });
}
