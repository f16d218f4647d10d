import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Duplex, Readable, Writable } from "node:stream";
import { MkinitrdError } from "../../core/errors.ts";
import type { ArchitectureName } from "../architecture.ts";
import { QMP_DESCRIPTOR } from "./machine.ts";

/** QEMU's program for an architecture, and Debian's package of it. */
export const QEMU: Record<ArchitectureName, { program: string; package: string }> = {
  x86_64: { program: "qemu-system-x86_64", package: "qemu-system-x86" },
  aarch64: { program: "qemu-system-aarch64", package: "qemu-system-arm" },
};
const TICKS_PER_SECOND = 100; // USER_HZ, see proc(5)

/** A QEMU process of ours and the four streams that join us to it. */
export interface QemuProcess {
  child: ChildProcess;
  input: Writable;
  output: Readable;
  errors: Readable;
  qmp: Duplex;
}

/** Starts QEMU so that it ends when we do, however we end. Throws when it is not installed. */
export function spawnQemu(args: string[], architecture: ArchitectureName): QemuProcess {
  const qemu = QEMU[architecture];
  if (!isOnPath(qemu.program)) {
    throw new MkinitrdError({
      tried: "starting a virtual machine",
      on: "this machine",
      found: `no program ${qemu.program}`,
      next: `install it; on Debian: apt-get install ${qemu.package}`,
    });
  }
  const line = isOnPath("setpriv") ? ["setpriv", "--pdeathsig", "KILL", qemu.program, ...args] : [qemu.program, ...args];
  const [program = "", ...rest] = line;
  const stdio = ["pipe", "pipe", "pipe"] as Array<"pipe">;
  stdio[QMP_DESCRIPTOR] = "pipe"; // a socket pair, as libuv makes all pipes to children
  const child = spawn(program, rest, { stdio, detached: true }); // Ctrl-C is the console's business
  const killOnExit = (): void => void child.kill("SIGKILL");
  process.once("exit", killOnExit);
  child.once("close", () => process.off("exit", killOnExit));
  const [input, output, errors, qmp] = child.stdio as unknown as [Writable, Readable, Readable, Duplex];
  input.on("error", () => {}); // QEMU is gone; its exit tells why
  return { child, input, output, errors, qmp };
}

/** Processor seconds that a process has used, user and system; undefined when it has ended. See proc_pid_stat(5). */
export function cpuSeconds(pid: number): number | undefined {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, "latin1").split(") ").at(-1)?.split(" ") ?? [];
    return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND; // utime and stime, counted behind the name
  } catch {
    return undefined;
  }
}

function isOnPath(program: string): boolean {
  return (process.env["PATH"] ?? "").split(":").some((directory) => existsSync(join(directory, program)));
}
