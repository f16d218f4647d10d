import { MkinitrdError } from "./errors.ts";

export interface ExecOptions {
  /** Written to the program's standard input, which is then closed. Without it standard input is empty. */
  input?: Buffer;
  /** The whole environment, when given; nothing is inherited then. */
  env?: Record<string, string>;
  cwd?: string;
  /** Exit codes that are results and not errors, beside 0. */
  accept?: number[];
  timeoutMs?: number;
  /** Ends the program, which is an error then. */
  cancel?: AbortSignal;
}

export interface ExecResult {
  stdout: string;
  stderr: string;
  exitCode: number;
}

/** Runs a program by its bare name, with an argument list and no shell. Its standard error goes into `found`. */
export type Exec = (program: string, args: string[], options?: ExecOptions) => Promise<ExecResult>;

/** What is known of a program's end. */
export interface Outcome {
  exitCode?: number | undefined;
  signal?: string | undefined;
  /** Why it could not be started: `ENOENT`. */
  code?: string | undefined;
  timedOut?: boolean;
  stderr?: unknown;
}

/** A program that could not be started, was killed, or exited with a code that nobody expected. */
export class ExecError extends MkinitrdError {
  /** Undefined when the program did not start or was killed by a signal. */
  readonly exitCode: number | undefined;
  /** The signal that killed it: `SIGKILL`. */
  readonly signal: string | undefined;

  constructor(program: string, args: string[], error: Outcome) {
    super({
      tried: `running ${program}`,
      on: describeArguments(args),
      found: describeOutcome(error),
      cause: error.code === undefined ? undefined : error.code,
    });
    this.exitCode = error.exitCode;
    this.signal = error.signal;
  }
}

/** The exit code behind an error of `exec`, through any causes; undefined for other errors. */
export function exitCode(error: unknown): number | undefined {
  if (error instanceof ExecError) return error.exitCode;
  return error instanceof Error && error.cause !== undefined ? exitCode(error.cause) : undefined;
}

function describeArguments(args: string[]): string {
  return args.length === 0 ? "no arguments" : args.join(" ");
}

function describeOutcome(error: Outcome): string {
  const stderr = String(error.stderr ?? "").trim();
  if (error.code === "ENOENT") return "no such program";
  if (error.timedOut) return "it did not end in time";
  const outcome = error.signal === undefined ? `exit code ${error.exitCode}` : `killed by ${error.signal}`;
  return stderr === "" ? outcome : `${outcome}: ${stderr.split("\n").slice(-3).join("; ")}`;
}
