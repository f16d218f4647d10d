import { lstatSync, type Stats, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { Command } from "commander";
import type { Source } from "../../core/binary/source.ts";
import { explain, MkinitrdError } from "../../core/errors.ts";
import { printableLine, quote } from "../../core/quote.ts";
import { formatSize, listVolumes } from "../../core/volumes/describe.ts";
import type { Volume } from "../../core/volumes/types.ts";
import { refuseCopies } from "../inspect/copies.ts";
import { findVolume, verifying } from "../inspect/find.ts";
import { type Dumped, type DumpOptions, dumpVolume, makeDumpDirectory, partOf } from "../inspect/dump.ts";
import { addUnlockOptions, namedFiles, type UnlockOptions } from "../inspect/passphrases.ts";
import { filledList } from "../inspect/resume.ts";
import { describeRange } from "../inspect/unreadable.ts";
import { withDisks } from "../inspect/with-disks.ts";
import { exitCodesHelp } from "./exit-codes.ts";
import { progressLine } from "./progress.ts";
import { complain } from "./complain.ts";

const HELP = `
Writes a partition, a logical volume or an opened volume to a sparse file: no root, no device-mapper, nothing of the disks is
written. VOLUME is a name that mkinitrd inspect shows, or UUID=, LABEL=, PARTUUID=, PARTLABEL=. The file grows as FILE.part and has its
name when it is whole; with --resume what is there of it is compared with the volume, in samples. What can't be read is an error that names the range; with --fill it is zeros, and a list of the ranges.

${exitCodesHelp("dump")}

  mkinitrd dump disk.img vg0/root -o root.img
  mkinitrd dump --unlock disk.img UUID=2f1c7c5e-7e9e-4d6d-8f3e-0d9b1d0a6c11 -o root.img --sha256
  mkinitrd dump --all pv0.img pv1.img -o volumes     # volumes/VG/LV`;

interface Options extends UnlockOptions {
  output: string;
  all?: true;
  fill?: true;
  sha256?: true;
  resume?: true;
  force?: true;
  json?: true;
}

/** `mkinitrd dump`: a volume of a disk as a file. */
export function dumpCommand(): Command {
  return addUnlockOptions(new Command("dump"))
    .description("Writes a volume of a disk to a file.")
    .argument("<disks...>", "image files or block devices, and behind them the volume")
    .requiredOption("-o, --output <file>", "where to; with --all a directory")
    .option("--all", "every logical volume, as DIRECTORY/VG/LV")
    .option("--fill", "zeros in the place of what can't be read")
    .option("--sha256", "print the SHA-256 of what was written")
    .option("--resume", "go on with FILE.part of an earlier dump, and keep it when this one ends, too")
    .option("--force", "replace the file where there is one")
    .option("--json", "print the report as JSON")
    .addHelpText("after", HELP)
    .action(run);
}

/** In the text of an error. */
const MOST_RANGES = 8;

interface Job {
  volume: Volume;
  file: string;
}

async function run(words: string[], { all, force, json, output, ...options }: Options): Promise<void> {
  const paths = all === true ? words : words.slice(0, -1);
  const wanted = all === true ? undefined : words.at(-1)!;
  if (paths.length === 0) throw new MkinitrdError({ tried: "dumping a volume", on: "the command line", found: `${quote(words[0] ?? "")} alone`, next: "name a disk and a volume: mkinitrd dump DISK VOLUME -o FILE" });
  const progress = progressLine();
  await withDisks(paths, options, async ({ problems, volumes }) => {
    for (const problem of problems) complain(problem);
    const jobs = wanted === undefined ? jobsForAll(volumes, output) : [{ volume: findVolume(volumes, wanted), file: output }];
    if (wanted === undefined && options.resume === true) leaveOutWritten(jobs);
    for (const { volume } of jobs) refuseCopies(volume, volumes, "dumping");
    for (const { file } of jobs) checkOutput(file, [...paths, ...namedFiles(options)], { force: force === true, resume: options.resume === true });
    const reports: Dumped[] = [];
    for (const job of jobs) {
      try {
        reports.push(await dump(job, { fill: options.fill === true, sha256: options.sha256 === true, resume: options.resume === true, force: force === true, progress: progress.say }));
      } catch (error) {
        progress.end();
        if (wanted !== undefined) throw error;
        complain(explain(error));
      }
    }
    progress.end();
    console.log(json === true ? JSON.stringify(wanted === undefined ? reports : reports[0], null, 2) : reports.map(format).join("\n"));
    const isWhole = reports.length === jobs.length && (wanted !== undefined || problems.length === 0) && reports.every(({ unreadable }) => unreadable.length === 0);
    if (!isWhole) process.exitCode = 1;
  }).finally(progress.end);
}

async function dump({ file, volume }: Job, options: DumpOptions): Promise<Dumped> {
  const source = volume.source ?? (options.fill ? volume.openPartial?.() : undefined);
  if (source === undefined) throw unreadable(volume);
  const { cutBytes } = volume.partition ?? {};
  if (cutBytes !== undefined && !options.fill) throw cutShort(volume.name, source.sizeBytes, cutBytes, "--fill writes zeros in its place, and lists it");
  await makeDumpDirectory(dirname(file));
  return dumpVolume({ ...(cutBytes === undefined ? source : withLostEnd(source, volume.name, cutBytes)), name: volume.name }, file, options);
}

function cutShort(name: string, sizeBytes: number, cutBytes: number, next: string): MkinitrdError {
  return new MkinitrdError({ tried: "dumping", on: name, found: `the disk ends before it does: bytes ${sizeBytes} to ${sizeBytes + cutBytes - 1} are missing`, next });
}

/** What its table says that a partition has, of which the end can't be read. */
function withLostEnd(source: Source, name: string, cutBytes: number): Source {
  const { sizeBytes } = source;
  return {
    name, sizeBytes: sizeBytes + cutBytes,
    read: (offsetBytes, lengthBytes) => (offsetBytes + lengthBytes > sizeBytes ? Promise.reject(cutShort(name, sizeBytes, cutBytes, "name the whole disk")) : source.read(offsetBytes, lengthBytes)),
  };
}

function unreadable({ content, damage, lv, missingRanges = [], name, openPartial }: Volume): MkinitrdError {
  const fail = (found: string, next: string) => new MkinitrdError({ tried: "dumping", on: name, found, next });
  const missing = lv?.missingPvs ?? [];
  if (lv?.refused !== undefined) return fail(lv.refused, `activate it and copy the device: lvchange -ay ${lv.vg}/${lv.lv}`);
  if (damage !== undefined) return fail(damage.split("\n")[0]!, "mkinitrd inspect shows what can be read");
  if (missing.length === 0) return fail(`its bytes can't be read here${content === undefined ? "" : ` (${content.type})`}`, "mkinitrd inspect says why");
  const ranges = missingRanges.slice(0, MOST_RANGES).map(({ lengthBytes, startBytes }) => `${startBytes} to ${startBytes + lengthBytes - 1}`);
  const places = ranges.length === 0 ? "" : `: bytes ${ranges.join(", ")}${missingRanges.length > ranges.length ? " and others" : ""} lie there`;
  return fail(`the physical volume ${missing.join(", ")} is not here${places}`, `name the disks that have them, too${openPartial === undefined ? "" : "; --fill writes zeros in the place of what is not here, and lists it"}`);
}

/** Names of LVM have no slash; lvm(8), "VALID NAMES". What a hostile disk says is no path here. */
function jobsForAll(volumes: Volume[], directory: string): Job[] {
  const jobs = volumes.flatMap((volume) => (volume.lv === undefined ? [] : [{ lv: volume.lv, volume: verifying(volume, volumes), file: join(directory, volume.lv.vg, volume.lv.lv) }]));
  for (const { lv, volume: { name } } of jobs) {
    if ([lv.vg, lv.lv].every((part) => /^(?!\.{1,2}$)[A-Za-z0-9_+.-]+$/.test(part))) continue;
    throw new MkinitrdError({ tried: "dumping all volumes", on: quote(name), found: "this is no name of LVM", next: "dump the others by their names" });
  }
  const places = jobs.flatMap(({ file }) => [file, partOf(file)]);
  const twice = jobs.find(({ file }) => places.filter((place) => place === file).length > 1);
  if (twice !== undefined) throw new MkinitrdError({ tried: "dumping all logical volumes", on: twice.file, found: "two of them would be written there", next: "dump these one by one, with -o; of two groups of one name, each from its own disks" });
  if (jobs.length > 0) return jobs;
  const locked = volumes.some(({ content }) => content?.type === "crypto_LUKS");
  throw new MkinitrdError({ tried: "dumping all logical volumes", on: "the disks", found: `there are none${listVolumes(volumes)}`, next: locked ? "--unlock looks into LUKS volumes; dump another volume by its name" : "dump another volume by its name" });
}

/** A file has its name when it is whole: those that an earlier run has written are not written again. */
function leaveOutWritten(jobs: Job[]): void {
  for (const job of [...jobs]) {
    if (lstatSync(job.file, { throwIfNoEntry: false })?.isFile() !== true) continue;
    console.error(`${printableLine(job.file)} is there already`);
    jobs.splice(jobs.indexOf(job), 1);
  }
}

/** Throws where something stands in the dump's way: an input, always; a file of its name or of its part's, unless it is to be replaced or gone on with. */
function checkOutput(file: string, inputs: readonly string[], { force, resume }: { force: boolean; resume: boolean }): void {
  for (const place of [file, partOf(file), filledList(partOf(file))]) {
    const stats = lstatSync(place, { throwIfNoEntry: false });
    if (stats === undefined) continue;
    const fail = (found: string, next: string) => new MkinitrdError({ tried: "writing the dump", on: place, found, next });
    if (inputs.some((input) => isSame(input, stats))) throw fail("it is one of the disks, or a file that opens one", "name another file: -o FILE");
    if (force || (resume && place !== file)) continue;
    throw fail("there is something of this name", place === file ? "name another file: -o FILE, or replace it: --force" : "go on with it if it is of an earlier dump: --resume; name another file: -o FILE; or replace it: --force");
  }
}

/** A header may be named that is a volume and no file. */
function isSame(input: string, { dev, ino }: Stats): boolean {
  const stats = statSync(input, { throwIfNoEntry: false });
  return stats?.dev === dev && stats.ino === ino;
}

function format({ bytes, file, fromBytes, seconds, sha256, unreadable }: Dumped): string {
  const rate = seconds > 0 ? `, ${formatSize(Math.round((bytes - fromBytes) / seconds))}/s` : "";
  return [
    `${printableLine(file)}: ${formatSize(bytes)} in ${seconds.toFixed(1)} s${rate}${fromBytes > 0 ? `, resumed at byte ${fromBytes}` : ""}`,
    ...(sha256 === undefined ? [] : [`  sha256 ${sha256}`]),
    ...unreadable.map((range) => `  ${describeRange(range)}`),
  ].join("\n");
}
