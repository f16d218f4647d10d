import { Worker } from "node:worker_threads";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Said, Task } from "./worker.ts";

/** How a reader did. */
export interface Outcome {
  reader: string;
  cases: number;
  failure?: Failure;
}

export interface Failure {
  seed: number;
  error: string;
  /** The input, as small as it could be made; of a case that did not end what fast-check made of the seed. */
  files: string[];
}

/** JavaScript's own heap: 64 MB above what the readers themselves and fast-check take. */
const HEAP_MB = 64 + 96;

/** Before the first case the disks are unpacked, on a machine that may be busy. */
const STARTING_MS = 240_000;

/**
 * Runs the cases of some readers in a thread of its own, which is ended where one case takes longer than `caseMs`: a loop that never
 * awaits would hold everything else up. Then the readers behind that one have no outcome.
 */
export async function fuzzReaders(task: Task, caseMs: number): Promise<Outcome[]> {
  const worker = new Worker(new URL("worker.ts", import.meta.url), { workerData: task, resourceLimits: { maxOldGenerationSizeMb: HEAP_MB } });
  const outcomes = new Map<string, Outcome>();
  let last = { reader: task.readers[0]!, seed: task.seed, value: "" };
  const of = (reader: string): Outcome => {
    const outcome = outcomes.get(reader) ?? { reader, cases: 0 };
    outcomes.set(reader, outcome);
    return outcome;
  };
  const failed = (error: string): void => {
    const file = join(task.folder, `${last.reader}-${last.seed}.json`);
    writeFileSync(file, last.value);
    of(last.reader).failure ??= { seed: last.seed, error, files: [file] };
  };
  await new Promise<void>((resolve) => {
    const hung = (): void => {
      failed(`it did not end within ${caseMs / 1000} s`);
      void worker.terminate();
    };
    let watchdog = setTimeout(hung, caseMs + STARTING_MS);
    worker.on("message", (said: Said) => {
      clearTimeout(watchdog);
      watchdog = setTimeout(hung, caseMs);
      if (said.kind === "failure") of(said.reader).failure = said;
      else if (said.kind === "done") of(said.reader).cases = said.cases;
      else [last, of(said.reader).cases] = [said, of(said.reader).cases + 1];
    });
    worker.on("error", (error: Error) => failed(error.stack ?? error.message));
    worker.on("exit", () => {
      clearTimeout(watchdog);
      resolve();
    });
  });
  return [...outcomes.values()];
}
