import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { fuzzReaders, type Outcome } from "./run.ts";

async function fuzz(reader: string, caseMs: number, input?: string[]): Promise<Outcome & { folder: string }> {
  const folder = mkdtempSync(join(tmpdir(), "fuzz-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const [outcome] = await fuzzReaders({ readers: [reader], seed: 1, runs: 100, timeMs: 0, all: false, folder, ...(input === undefined ? {} : { input }) }, caseMs);
  return { ...outcome!, folder };
}

test("an error that is not ours is a failure, with the least input that brings it about, which can be read again", async () => {
  const { failure } = await fuzz("faulty-throws", 60_000);
  expect(failure?.error).toMatch(/^TypeError: no property of undefined/);
  expect(readFileSync(failure!.files[0]!, "utf8")).toMatch(/^(a|b| )*512(a|b| )*$/);
  expect((await fuzz("faulty-throws", 60_000, failure!.files)).failure?.error).toMatch(/^TypeError: no property/);
});

test.each([
  { reader: "faulty-hangs", what: "a loop that never awaits", found: /^it did not end within 3 s$/ },
  { reader: "faulty-grows", what: "a heap that grows", found: /ERR_WORKER_OUT_OF_MEMORY|memory limit|did not end/ },
])("$what is a failure, and its case is kept", async ({ found, reader }) => {
  const { failure } = await fuzz(reader, 3000);
  expect(failure?.error).toMatch(found);
  expect(JSON.parse(readFileSync(failure!.files[0]!, "utf8"))).toHaveProperty("edits");
});

test("more than 64 MiB in buffers are a failure", async () => {
  expect((await fuzz("faulty-holds", 60_000)).failure?.error).toMatch(/bytes in buffers, more than 67108864/);
});
