import { closeSync, ftruncateSync, mkdirSync, openSync, readFileSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import type { Input } from "./cases.ts";
import { type Disk, readDisk } from "./disk.ts";
import { fileBase } from "./seeds.ts";

const PIECE_BYTES = 1024 * 1024;

/** Writes what was read, so that it can be read again: each disk as a sparse file, a text as it is. Gives the names of the files. */
export function saveInput(input: Input, folder: string, name: string): string[] {
  mkdirSync(folder, { recursive: true });
  if ("text" in input) {
    const file = join(folder, `${name}.txt`);
    writeFileSync(file, input.text);
    return [file];
  }
  return input.disks.map((disk, index) => {
    const path = join(folder, `${name}-${index}.img`);
    writeSparse(disk, path);
    return path;
  });
}

/** What was saved. */
export function inputFromFiles(paths: readonly string[]): Input {
  if (paths[0]?.endsWith(".txt") === true) return { text: readFileSync(paths[0], "utf8") };
  return { disks: paths.map((path) => { const base = fileBase(path); return { base, patches: [], sizeBytes: base.sizeBytes }; }) };
}

function writeSparse(disk: Disk, path: string): void {
  const file = openSync(path, "w");
  for (let at = 0; at < disk.sizeBytes; at += PIECE_BYTES) {
    const bytes = readDisk(disk, at, Math.min(PIECE_BYTES, disk.sizeBytes - at));
    if (bytes.some((byte) => byte !== 0)) writeSync(file, bytes, 0, bytes.length, at);
  }
  ftruncateSync(file, disk.sizeBytes);
  closeSync(file);
}
