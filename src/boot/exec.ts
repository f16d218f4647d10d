import { spawn } from "node:child_process";
import { ExecError, type ExecOptions, type ExecResult, type Outcome } from "../core/exec.ts";
import { createSecretInput } from "./secret-input.ts";

/** A program that is killed gets so long to be gone. */
const DYING_MS = 1000;

/**
 * Runs a program of the image; the one door to other programs on this side. On child_process itself and not on the
 * library that the build machine has: loading that takes a tenth of an early boot's processor time.
 */
export async function exec(program: string, args: string[], options: ExecOptions = {}): Promise<ExecResult> {
  const input = options.input === undefined ? undefined : createSecretInput(options.input);
  const outcome = await run(program, args, options, input?.descriptor).finally(() => input?.wipe());
  const { exitCode, stdout, stderr } = outcome;
  if (exitCode !== undefined && (exitCode === 0 || options.accept?.includes(exitCode))) return { stdout, stderr, exitCode };
  throw new ExecError(program, args, outcome);
}

function run(program: string, args: string[], options: ExecOptions, input: number | undefined): Promise<Outcome & { stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    const { env, cwd, timeoutMs, cancel } = options;
    const child = spawn(program, args, {
      stdio: [input ?? "ignore", "pipe", "pipe"],
      ...(env === undefined ? {} : { env }),
      ...(cwd === undefined ? {} : { cwd }),
      ...(cancel === undefined ? {} : { signal: cancel }),
    });
    let [stdout, stderr] = ["", ""];
    let code: string | undefined;
    let timedOut = false;
    let timer: NodeJS.Timeout | undefined;
    // One that waits for a dead disk inside the kernel does not even die: nobody waits for that.
    const giveUp = () => {
      timedOut = true;
      child.kill("SIGKILL");
      timer = setTimeout(() => {
        child.unref();
        resolve({ timedOut, stdout, stderr });
      }, DYING_MS);
    };
    if (timeoutMs !== undefined) timer = setTimeout(giveUp, timeoutMs);
    child.stdout!.setEncoding("utf8").on("data", (text: string) => (stdout += text));
    child.stderr!.setEncoding("utf8").on("data", (text: string) => (stderr += text));
    child.once("error", (error: NodeJS.ErrnoException) => (code = error.code));
    child.once("close", (exitCode, signal) => {
      clearTimeout(timer);
      resolve({ timedOut, exitCode: exitCode !== null && exitCode >= 0 ? exitCode : undefined, signal: signal ?? undefined, code, stdout, stderr });
    });
  });
}
