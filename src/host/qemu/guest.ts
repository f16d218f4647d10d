import { MkinitrdError } from "../../core/errors.ts";
import { createConsoleLog, isTcgPanic } from "./console-log.ts";
import { diskDevice, type Machine, type MachineDisk, qemuArguments } from "./machine.ts";
import { cpuSeconds, type QemuProcess, spawnQemu } from "./process.ts";
import { connectQmp, type Qmp } from "./qmp.ts";
import { createTerminal, type Terminal } from "./terminal.ts";

const MOST_RESTARTS = 4;
const TAIL_CHARACTERS = 400; // enough for a line that came in two pieces
const END_WITHIN_MS = 3_000;

/** A running virtual machine, and the person in front of it. */
export interface Guest {
  terminal: Terminal;
  /** Types on the guest's console, and marks the terminal: waitFor looks at what comes after. */
  type(bytes: string | Buffer): void;
  /**
   * Waits until the text stands on the terminal, since something was last typed or `terminal.mark()`; gives what has
   * appeared since then. Throws with the whole console log when the time is over or the guest ends before.
   */
  waitFor(pattern: string | RegExp, options?: { timeoutMs?: number }): Promise<string>;
  qmp(command: string, args?: Record<string, unknown>): Promise<unknown>;
  /** Puts in a disk of the machine that has `hotplug`. */
  hotplug(disk: MachineDisk): Promise<void>;
  exited: Promise<GuestExit>;
  /** Everything it wrote on its console, without escape sequences, earlier starts included. */
  log(): string;
  /** How often it was started again because TCG had broken it before /init. */
  restarts(): number;
  /** Processor seconds that this start of QEMU has used. */
  cpuSeconds(): number;
  /** Ends QEMU, at once; resolves when it is gone. */
  end(): Promise<void>;
}

/** How a guest ended. */
export interface GuestExit {
  /** QEMU's word: `guest-shutdown` (power-off), `guest-reset` (reboot or panic), `host-signal`; absent if it never ran. */
  reason?: string;
  /** What QEMU said on its standard error. */
  messages: string;
  exitCode: number | null;
}

export interface GuestOptions {
  /** The console's bytes as they come, for a person who watches. */
  onOutput?: (bytes: Buffer) => void;
  /** A person's own terminal is attached and answers what the guest asks of it: ours keeps quiet. */
  attached?: boolean;
}

/** Starts the machine, and again when TCG breaks it before /init and nothing was typed. It must be ended by `end`. */
export function startGuest(machine: Machine, options: GuestOptions = {}): Guest {
  const args = qemuArguments(machine);
  const log = createConsoleLog();
  const terminal = createTerminal((reply) => options.attached !== true && current.qemu.input.write(reply));
  const ended = new AbortController();
  let restarts = 0;
  let typed = false;
  let ending = false;
  let usedSeconds = 0;
  let resolveExit: (exit: GuestExit) => void = () => {};
  const exited = new Promise<GuestExit>((resolve) => { resolveExit = resolve; });

  const start = (): { qemu: QemuProcess; qmp: Qmp } => {
    const qemu = spawnQemu(args, machine.architecture ?? "x86_64");
    const exit: GuestExit = { messages: "", exitCode: null };
    const qmp = connectQmp(qemu.qmp, ({ event, data }) => { if (event === "SHUTDOWN") exit.reason = String(data?.["reason"]); });
    let tail = "";
    let again = false;
    qemu.output.on("data", (bytes: Buffer) => {
      log.append(bytes);
      terminal.write(bytes);
      options.onOutput?.(bytes);
      tail = (tail + bytes.toString("latin1")).slice(-TAIL_CHARACTERS - bytes.length);
      if (again || typed || restarts >= MOST_RESTARTS || machine.accelerator !== "tcg" || !isTcgPanic(tail)) return;
      again = true;
      qemu.child.kill("SIGKILL");
    });
    qemu.errors.on("data", (bytes: Buffer) => { exit.messages += bytes.toString("utf8"); });
    qemu.child.once("error", (error) => { exit.messages += error.message; });
    qemu.child.once("close", (code) => {
      if (again && !ending) {
        restarts++;
        log.append(Buffer.from("\n--- TCG broke the guest before /init; it is started again ---\n"));
        terminal.reset();
        current = start();
        return;
      }
      // What it wrote last may be what somebody waits for.
      void terminal.drawn().then(() => {
        resolveExit({ ...exit, exitCode: code });
        ended.abort();
      });
    });
    return { qemu, qmp };
  };
  let current = start();

  return {
    terminal,
    exited,
    type(bytes) {
      typed = true;
      terminal.mark();
      current.qemu.input.write(bytes);
    },
    async waitFor(pattern, { timeoutMs = 120_000 } = {}) {
      try {
        return await terminal.waitFor(pattern, { timeoutMs, signal: ended.signal });
      } catch (error) {
        const found = ended.signal.aborted ? describeExit(await exited) : error instanceof Error ? error.message : String(error);
        throw new MkinitrdError({
          tried: `waiting for ${typeof pattern === "string" ? JSON.stringify(pattern) : pattern}`,
          on: "the guest's console",
          found: `${found}; it had written:\n${log.text()}\n--- end of the guest's console`,
        });
      }
    },
    qmp: (command, commandArgs) => current.qmp.command(command, commandArgs),
    async hotplug(disk) {
      await current.qmp.command("device_add", diskDevice(disk, machine.disks.indexOf(disk)));
    },
    log: () => log.text(),
    restarts: () => restarts,
    cpuSeconds() {
      usedSeconds = cpuSeconds(current.qemu.child.pid ?? 0) ?? usedSeconds;
      return usedSeconds;
    },
    async end() {
      this.cpuSeconds();
      ending = true;
      current.qemu.child.kill("SIGTERM"); // lets it write out its disks
      const timer = setTimeout(() => current.qemu.child.kill("SIGKILL"), END_WITHIN_MS);
      await exited;
      clearTimeout(timer);
      terminal.dispose();
    },
  };
}

/** One line for a person on how a guest ended. */
export function describeExit({ reason, messages, exitCode }: GuestExit): string {
  const how: Record<string, string> = {
    "guest-shutdown": "the guest powered itself off",
    "guest-reset": "the guest rebooted or its kernel panicked",
    "host-signal": "QEMU was ended by a signal",
  };
  const said = messages.trim();
  const outcome = how[reason ?? ""] ?? `QEMU ended with exit code ${exitCode}${reason === undefined ? "" : ` (${reason})`}`;
  return said === "" ? outcome : `${outcome}: ${said}`;
}
