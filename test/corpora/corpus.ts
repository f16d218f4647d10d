import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { describe, test } from "vitest";
import { memorySource } from "../../src/core/binary/source.ts";
import type { Source } from "../../src/core/binary/source.ts";

/** One entry of a folder's manifest.json; what `expect` holds differs by folder. */
export interface Entry<T> {
  id: string;
  kind: string;
  files: { file: string; size: number; sha256: string }[];
  expect: T;
}

/** The folders of disks made by others that lie beside the repository, where somebody put them there. */
const CORPORA = new URL("../../../shared/corpora/", import.meta.url);

/** Describes tests over a folder of the corpora; one skipped test says why where the folder, or a tool, is missing. */
export function describeCorpus<T>(folder: string, body: (entries: Entry<T>[], source: (file: string) => Source) => void): void {
  const manifest = new URL(`${folder}/manifest.json`, CORPORA);
  const reason = existsSync(manifest) ? missingTool() : `there is no ../shared/corpora/${folder}`;
  if (reason !== undefined) return test.skip(`the corpus ${folder} (${reason})`, () => {});
  describe(`the corpus ${folder}`, () => {
    body(JSON.parse(readFileSync(manifest, "utf8")) as Entry<T>[], (file) => unpack(new URL(`${folder}/${file}`, CORPORA), file));
  });
}

function missingTool(): string | undefined {
  try {
    execFileSync("xz", ["--version"], { stdio: "ignore" });
    return undefined;
  } catch {
    return "xz is not installed: package xz-utils";
  }
}

function unpack(url: URL, file: string): Source {
  const isPacked = file.endsWith(".xz");
  const bytes = isPacked ? execFileSync("xz", ["-dc", url.pathname], { maxBuffer: 2 ** 30 }) : readFileSync(url);
  return memorySource(bytes, file);
}
