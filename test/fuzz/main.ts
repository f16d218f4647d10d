import { tmpdir } from "node:os";
import { mkdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { Command, InvalidArgumentError } from "commander";
import { READERS } from "./cases.ts";
import { fuzzReaders } from "./run.ts";

const HELP = `
Gives every reader damaged disks and texts, and stops a reader at its first failure: an error that is not ours, a case that does not end,
too many reads, or more than 64 MB. What was read is saved as small as it could be made, with the command that reads it again. Disks are the
fixtures, those of ../shared/corpora and those that were built of images/, where these are there.

Readers: ${READERS.join(" ")}

Exit codes: 0 no failure, 1 some, 2 the command line was wrong

  npm run fuzz -- --time 10m --seed 7
  npm run fuzz -- --only lvm,survey
  npm run fuzz -- --only survey --input /tmp/mkinitrd-fuzz/survey-7-0.img`;

interface Options {
  seed: number;
  time: number;
  only: string[];
  out: string;
  input?: string[];
}

const RUNS = 200;
const CASE_MS = 60_000;

const command = new Command("fuzz")
  .description("Looks for input that a reader can't stand.")
  .option("--seed <n>", "of the first cases", wholeNumber, 1)
  .option("--time <time>", "for all readers together: 90s, 10m, 1h", parseTime, 5 * 60_000)
  .option("--only <readers>", "some readers, with commas", parseReaders, [...READERS])
  .option("--out <folder>", "where the input of a failure goes", join(tmpdir(), "mkinitrd-fuzz"))
  .option("--input <files...>", "read what was saved, once")
  .addHelpText("after", HELP)
  .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2));

const { input, only, out, seed, time } = command.parse().opts<Options>();
const folder = resolve(process.env["INIT_CWD"] ?? ".", out);
mkdirSync(folder, { recursive: true });
const again = input?.map((file) => resolve(process.env["INIT_CWD"] ?? ".", file));
for (const reader of only) {
  const started = performance.now();
  const outcomes = await fuzzReaders({ readers: [reader], seed, runs: RUNS, timeMs: time / only.length, all: true, folder, ...(again === undefined ? {} : { input: again }) }, CASE_MS);
  for (const { cases, failure } of outcomes) {
    console.log(`${reader.padEnd(18)} ${String(cases).padStart(9)} cases in ${((performance.now() - started) / 1000).toFixed(0).padStart(4)} s${failure === undefined ? "" : ", failed"}`);
    if (failure === undefined) continue;
    process.exitCode = 1;
    console.log(`${failure.error.split("\n").slice(0, 8).join("\n")}\n  again: npm run fuzz -- --only ${reader} ${failure.files[0]!.endsWith(".json") ? `--seed ${failure.seed}   # the case is in ${failure.files[0]}` : `--input ${failure.files.join(" ")}`}`);
  }
}

function wholeNumber(text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new InvalidArgumentError("A whole number of up to nine digits.");
}

function parseTime(text: string): number {
  const [, count, unit] = /^(\d{1,6})([smh])$/.exec(text) ?? [];
  if (unit === undefined) throw new InvalidArgumentError("A number with s, m or h behind it.");
  return Number(count) * { s: 1000, m: 60_000, h: 3_600_000 }[unit]!;
}

function parseReaders(text: string): string[] {
  return text.split(",").map((word) => {
    if (READERS.includes(word)) return word;
    throw new InvalidArgumentError(`Known: ${READERS.join(", ")}.`);
  });
}
