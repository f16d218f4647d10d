import { parentPort, workerData } from "node:worker_threads";
import fc from "fast-check";
import { casesOf } from "./cases.ts";
import { inputFromFiles, saveInput } from "./saved.ts";

/** What one worker does: the cases of some readers from a seed on, or the one that was saved. */
export interface Task {
  readers: string[];
  seed: number;
  /** Cases of one seed; then comes the next seed. */
  runs: number;
  /** Milliseconds for each reader; it ends behind the seed that is under way. */
  timeMs: number;
  /** Disks that need not be there, too. */
  all: boolean;
  /** Where the input of a failure goes. */
  folder: string;
  /** A saved input to read again. */
  input?: string[];
}

/** What a worker says. */
export type Said =
  | { kind: "case"; reader: string; seed: number; value: string }
  | { kind: "failure"; reader: string; seed: number; error: string; files: string[] }
  | { kind: "done"; reader: string; cases: number };

const task = workerData as Task;
const say = (said: Said): void => parentPort!.postMessage(said);
for (const reader of task.readers) await (task.input === undefined ? fuzz(reader) : readAgain(reader, task.input));

/** Seed by seed, until the time is over or something fails. */
async function fuzz(reader: string): Promise<void> {
  const { arbitrary, input, read } = casesOf(reader, task.all);
  const started = performance.now();
  let cases = 0;
  for (let seed = task.seed; ; seed++) {
    const result = await fc.check(fc.asyncProperty(arbitrary, async (value) => {
      say({ kind: "case", reader, seed, value: JSON.stringify(value) });
      cases++;
      await read(await input(value));
    }), { seed, numRuns: task.runs });
    if (result.failed) {
      const files = saveInput(await input(result.counterexample![0]), task.folder, `${reader}-${seed}`);
      say({ kind: "failure", reader, seed, error: messageOf(result.errorInstance), files });
      break;
    }
    if (performance.now() - started >= task.timeMs) break;
  }
  say({ kind: "done", reader, cases });
}

async function readAgain(reader: string, files: string[]): Promise<void> {
  say({ kind: "case", reader, seed: 0, value: files.join(" ") });
  await casesOf(reader, false).read(inputFromFiles(files)).catch((error: unknown) => say({ kind: "failure", reader, seed: 0, error: messageOf(error), files }));
  say({ kind: "done", reader, cases: 1 });
}

function messageOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
