import { execFileSync } from "node:child_process";
import { closeSync, ftruncateSync, openSync, rmSync, writeSync } from "node:fs";
import { randomFillSync } from "node:crypto";
import { join } from "node:path";
import { openFile } from "../src/core/binary/file.ts";
import { SECTOR_BYTES } from "../src/core/binary/source.ts";
import { openTarget } from "../src/core/dm/open-target.ts";
import { openTable } from "../src/core/dm/table.ts";
import { exec } from "../src/host/exec.ts";
import { dumpVolume } from "../src/host/inspect/dump.ts";
import { surveyDisks } from "../src/host/inspect/survey.ts";
import { packageRoot } from "../src/host/package-root.ts";
import { countingSource, largeDisk } from "../test/fixtures/large-disk.ts";
import type { Say } from "./builds.ts";

/** Writing a linear LV to a file, in MB (10^6) a second; disk and file are on one filesystem, the disk is in the page cache, the file is synced. */
export interface DumpFigures {
  bytes: number;
  dump: number[];
  /** `bs=1M conv=fsync`, and with `conv=sparse,fsync`. */
  dd: number[];
  ddSparse: number[];
}

/** Looking at a disk of one size: a GPT with ext4, LUKS2 and a physical volume, and an empty partition. */
export interface InspectFigures {
  sizeBytes: number;
  readBytes: number;
  /** `mkinitrd inspect` as a process, with Node's compile cache filled. */
  seconds: number[];
}

const LV_BYTES = 768 * 1024 * 1024;
/** Where a first PV's data usually begins. */
const LV_START = 1024 * 1024;
const PIECE_BYTES = 8 * 1024 * 1024;

/** Dumps the same bytes by `mkinitrd dump`'s own function and by dd, in turn. */
export async function measureDump(directory: string, rounds: number, say: Say): Promise<DumpFigures> {
  const [disk, output] = [join(directory, "linear.img"), join(directory, "linear.out")];
  writeRandom(disk, LV_START + LV_BYTES);
  const figures: DumpFigures = { bytes: LV_BYTES, dump: [], dd: [], ddSparse: [] };
  const dd = (conv: string): void => void execFileSync("dd", [`if=${disk}`, `of=${output}`, "bs=1M", `skip=${LV_START / 2 ** 20}`, `conv=${conv}`], { stdio: "ignore" });
  const ways: [number[], () => Promise<void> | void][] = [[figures.dump, () => dump(disk, output)], [figures.dd, () => dd("fsync")], [figures.ddSparse, () => dd("sparse,fsync")]];
  for (let round = 0; round <= rounds; round++) {
    say(`dump of a linear LV: ${round === 0 ? "to warm up" : `round ${round} of ${rounds}`}`);
    for (const [list, work] of ways) {
      rmSync(output, { force: true });
      execFileSync("sync");
      const started = performance.now();
      await work();
      if (round > 0) list.push(LV_BYTES / 1e6 / ((performance.now() - started) / 1000));
    }
  }
  for (const path of [disk, output]) rmSync(path, { force: true });
  return figures;
}

async function dump(disk: string, output: string): Promise<void> {
  const source = await openFile(disk);
  const lv = openTable("vg0/lv0", [{ type: "linear", startSector: 0, lengthSectors: LV_BYTES / SECTOR_BYTES, device: { path: disk, source }, deviceSector: LV_START / SECTOR_BYTES }], openTarget);
  await dumpVolume(lv, output, { fill: false, sha256: false, resume: false, force: true, progress: () => {} });
  await source.close?.();
}

/** Inspects sparse disks. */
export async function measureInspect(directory: string, rounds: number, say: Say): Promise<InspectFigures[]> {
  const program = join(packageRoot(), "dist/host/mkinitrd.js");
  const figures: InspectFigures[] = [];
  for (const sizeBytes of [2 ** 30, 2 ** 40, 2 ** 43]) {
    say(`inspecting a disk of ${sizeBytes / 2 ** 30} GiB`);
    const pieces = largeDisk(sizeBytes);
    const disk = join(directory, "large.img");
    const file = openSync(disk, "w");
    for (const { at, bytes } of pieces) writeSync(file, bytes, 0, bytes.length, at);
    ftruncateSync(file, sizeBytes);
    closeSync(file);
    const source = countingSource(sizeBytes, pieces);
    await surveyDisks([{ path: source.name, source }]);
    const seconds: number[] = [];
    for (let run = 0; run <= rounds * 3; run++) {
      const started = performance.now();
      await exec("node", [program, "inspect", disk]);
      if (run > 0) seconds.push((performance.now() - started) / 1000);
    }
    figures.push({ sizeBytes, readBytes: source.readBytes, seconds });
    rmSync(disk);
  }
  return figures;
}

function writeRandom(path: string, sizeBytes: number): void {
  const file = openSync(path, "w");
  const piece = randomFillSync(Buffer.alloc(PIECE_BYTES));
  for (let at = 0; at < sizeBytes; at += PIECE_BYTES) writeSync(file, piece, 0, Math.min(PIECE_BYTES, sizeBytes - at), at);
  closeSync(file);
}
