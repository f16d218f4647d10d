import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { READERS } from "./cases.ts";
import { fuzzReaders, type Outcome } from "./run.ts";

// The same cases each time: `npm run fuzz` looks for others.
const RUNS = 25;
const CASE_MS = 60_000;
const WORKERS = 2;

let folder: string;
let outcomes: Outcome[];
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "fuzz-"));
  const shares = Array.from({ length: WORKERS }, (_, share) => READERS.filter((_, index) => index % WORKERS === share));
  outcomes = (await Promise.all(shares.map((readers) => fuzzReaders({ readers, seed: 1, runs: RUNS, timeMs: 0, all: false, folder }, CASE_MS)))).flat();
}, 300_000);
afterAll(() => rmSync(folder, { recursive: true }));

describe("damaged input gives what is there, or an error of ours, in bounded time and memory:", () => {
  test.each(READERS)("%s", (reader) => {
    const outcome = outcomes.find((each) => each.reader === reader);
    expect(outcome?.failure?.error).toBeUndefined();
    expect(outcome?.cases).toBe(RUNS);
  });
});
