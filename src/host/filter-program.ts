import { spawn } from "node:child_process";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { programEnvironment } from "./compressions.ts";

const MOST_ERROR_BYTES = 1000;
/** What writing to a program gives that has closed its standard input. */
const GONE = ["EPIPE", "ECONNRESET", "ERR_STREAM_PREMATURE_CLOSE", "ERR_STREAM_DESTROYED"];

/** A program that ended with another exit code than 0, or by a signal. */
export class FilterFailed extends Error {
  /** What it wrote on standard error; empty when nothing. */
  readonly said: string;
  constructor(program: string, said: string, end: number | NodeJS.Signals | null) {
    super(said === "" ? `${program} ended with ${end}` : said);
    this.said = said;
  }
}

export interface FilterProgram {
  program: string;
  args: string[];
  /** Where the content ends before the input does, it is no error that the program reads no further. */
  mayStopEarly?: boolean;
}

/**
 * Runs a program on bytes: `input` goes in piece by piece as it takes them, `read` gets what it writes. Throws what `read` or `input` throw,
 * FilterFailed, or the error of spawn (ENOENT: it is not on this machine); the program has ended then. Straight from spawn: core/exec gives text.
 */
export async function throughProgram<T>({ program, args, mayStopEarly = false }: FilterProgram, input: AsyncIterable<Buffer> | Iterable<Buffer>, read: (output: Readable) => Promise<T>): Promise<T> {
  const child = spawn(program, args, { stdio: ["pipe", "pipe", "pipe"], env: programEnvironment() });
  let errors = "";
  child.stderr.on("data", (chunk: Buffer) => (errors = (errors + chunk.toString()).slice(0, MOST_ERROR_BYTES)));
  const ended = new Promise<void>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code, signal) => (code === 0 ? resolve() : reject(new FilterFailed(program, errors.trim(), code ?? signal))));
  });
  const fed = pipeline(Readable.from(input), child.stdin).catch(async (error: NodeJS.ErrnoException) => {
    if (!GONE.includes(error.code ?? "")) throw error;
    await ended; // one that ends early closes its end: its exit code tells
    if (!mayStopEarly) throw error;
  });
  try {
    const [result] = await Promise.all([read(child.stdout), fed, ended]);
    return result;
  } catch (error) {
    child.kill("SIGKILL");
    await ended.catch(() => {});
    throw error;
  }
}
