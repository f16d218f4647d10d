import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { onTestFinished } from "vitest";

/** Copies of disks, to be written to; they are gone when the test has finished. */
export function copies(files: string[]): string[] {
  const directory = mkdtempSync(join(tmpdir(), "mkinitrd-copies-"));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return files.map((file) => {
    const copy = join(directory, basename(file));
    execFileSync("cp", ["--sparse=always", file, copy]);
    return copy;
  });
}
