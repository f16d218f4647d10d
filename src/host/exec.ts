import { execa, ExecaError } from "execa";
import { ExecError, type ExecOptions, type ExecResult } from "../core/exec.ts";

/** Runs a program of the build machine; the one door to other programs on this side. */
export async function exec(program: string, args: string[], options: ExecOptions = {}): Promise<ExecResult> {
  try {
    const subprocess = execa(program, args, {
      stdin: options.input === undefined ? "ignore" : "pipe",
      stdout: "pipe",
      stderr: "pipe",
      ...(options.env === undefined ? {} : { env: options.env, extendEnv: false }),
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
      ...(options.timeoutMs === undefined ? {} : { timeout: options.timeoutMs }),
      ...(options.cancel === undefined ? {} : { cancelSignal: options.cancel }),
    });
    if (options.input !== undefined) {
      // Written here and not as execa's `input`, which would copy the bytes into streams of its own.
      subprocess.stdin?.on("error", () => {}); // a program that ends early closes its end: its exit code tells
      subprocess.stdin?.end(options.input);
    }
    const { stdout, stderr, exitCode } = await subprocess;
    return { stdout, stderr, exitCode: exitCode ?? 0 };
  } catch (error) {
    if (!(error instanceof ExecaError)) throw error;
    const { exitCode } = error;
    if (exitCode !== undefined && options.accept?.includes(exitCode)) {
      return { stdout: String(error.stdout ?? ""), stderr: String(error.stderr ?? ""), exitCode };
    }
    throw new ExecError(program, args, error);
  }
}
