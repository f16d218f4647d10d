import type { BootFigures } from "./boots.ts";
import { type BuildFigures, COLD_COMPRESSION } from "./builds.ts";
import type { CompressionFigures } from "./compressions.ts";
import type { CryptFigures } from "./crypt.ts";
import type { DumpFigures, InspectFigures } from "./disks.ts";
import { isMet, leastOf, median, medianOf, ratio, type Target } from "./figures.ts";
import type { Measured } from "./measure.ts";
import type { MemoryFigures } from "./memory.ts";
import { formatTable, megabytes, number } from "./table.ts";

/** All that one run has measured, and where. This is what --json writes. */
export interface BenchReport extends Measured {
  /** ISO 8601. */
  date: string;
  machine: {
    processors: number;
    processor: string;
    loadAtStart: number;
    loadAtEnd: number;
    kernelRelease: string;
    accelerator: string;
    guestMemoryMiB: number;
    rounds: number;
  };
  targets: Target[];
}

const PEER = "initramfs-tools";

/** What is to be reached, from what was measured. */
export function findTargets({ builds, crypt, dump, inspect, images, boots, memory }: Measured): Target[] {
  const [ours, theirs] = [boots["generic"] ?? [], boots[PEER] ?? []];
  const build = (what: string) => builds?.find((each) => each.what === what)?.seconds;
  const target = (name: string, limit: number, unit: string, value: number | undefined): Target => ({ name, limit, unit, ...(value === undefined ? {} : { value }) });
  return [
    target(`cold build, ${COLD_COMPRESSION}`, 8, "s", build(`nothing in the cache, ${COLD_COMPRESSION}`)),
    target("rebuild after an edit", 0.5, "s", build("realroot edited")),
    target("build with nothing changed", 0.3, "s", build("unchanged")),
    target("image for LUKS+LVM, modules: generic, zstd:19", 32, "MB", images["generic, zstd:19"] && images["generic, zstd:19"].bytes / 1e6),
    target("image for LUKS+LVM, modules listed", 32, "MB", images["listed"] && images["listed"].bytes / 1e6),
    ...[512, 4096].map((size) => target(`time to decrypt sectors of ${size} bytes ÷ a bare loop over OpenSSL`, size === 512 ? 1 : 1.11, "×", timeRatio(crypt?.find(({ sectorBytes }) => sectorBytes === size)))),
    target("time of dumping a linear LV ÷ dd bs=1M", 1.25, "×", dump && leastTime(dump.dump) / leastTime(dump.dd)),
    target("inspecting a disk of 8 TiB", 0.3, "s", inspect && median(inspect.at(-1)!.seconds)),
    target("memory that the initrd leaves taken", 2, "MiB", memory && memory.leftKib / 1024),
    target(`uptime at the root's init ÷ ${PEER}`, 1, "×", medianRatio(ours, theirs, uptime)),
    target(`QEMU processor seconds ÷ ${PEER}`, 1, "×", medianRatio(ours, theirs, ({ cpuSeconds }) => cpuSeconds)),
  ];
}

/** The report as tables. */
export function formatBench(report: BenchReport): string {
  const { machine, builds, compressions, crypt, dump, inspect, images, boots, memory, smallest, targets, problems } = report;
  const sections = [
    `${machine.processors} × ${machine.processor}, load ${machine.loadAtStart} at the start, ${machine.loadAtEnd} at the end; guest: ${machine.accelerator}, 2 processors, ${machine.guestMemoryMiB} MiB, Linux ${machine.kernelRelease}; medians of ${machine.rounds}`,
    builds && formatTable([["mkinitrd build", "seconds", "CPU s", "layers built"], ...builds.map(buildRow)]),
    compressions && formatCompressions(compressions),
    crypt && formatTable([["aes-256-xts, MB/s (10^6 bytes), one thread", "target", "bare loop", "openssl speed"], ...crypt.map(cryptRow)]),
    dump && formatDump(dump),
    inspect && formatTable([["mkinitrd inspect", "MB read (10^6 bytes)", "seconds"], ...inspect.map(inspectRow)]),
    formatImages(images),
    formatBoots(boots),
    formatTimeline(boots["generic"] ?? []),
    memory && formatMemory(memory),
    smallest && `smallest guest that boots LUKS+LVM, modules: generic: ${smallest.memoryMiB === undefined ? "none of those tried" : `${smallest.memoryMiB} MiB`}; the builder says ${smallest.estimateMiB} MiB`,
    formatTable([["target", "measured", "limit", ""], ...targets.map(targetRow)]),
    problems.map((problem) => `not measured: ${problem}`).join("\n"),
  ];
  return sections.filter((section) => section !== undefined && section !== "").join("\n\n");
}

function cryptRow({ bareLoop, openssl, sectorBytes, target }: CryptFigures): string[] {
  return [`sectors of ${sectorBytes} bytes`, number(median(target)), number(median(bareLoop)), number(openssl)];
}

/** The least of the rounds is the nearest to a quiet machine, the most in a second. */
const leastTime = (megabytesPerSecond: number[]): number => 1 / Math.max(...megabytesPerSecond);

function formatDump({ bytes, dd, ddSparse, dump }: DumpFigures): string {
  const row = (name: string, list: number[]): string[] => [name, number(median(list), 0), number(Math.max(...list), 0), number(leastTime(dd) / leastTime(list))];
  return formatTable([[`linear LV of ${bytes / 2 ** 20} MiB to a file, MB/s (10^6 bytes)`, "median", "best", "best ÷ dd's"], row("mkinitrd dump", dump), row("dd bs=1M", dd), row("dd bs=1M conv=sparse", ddSparse)]);
}

function inspectRow({ readBytes, seconds, sizeBytes }: InspectFigures): string[] {
  return [`a disk of ${sizeBytes / 2 ** 30} GiB`, megabytes(readBytes), number(median(seconds))];
}

function timeRatio(figures: CryptFigures | undefined): number | undefined {
  return figures && median(figures.bareLoop) / median(figures.target);
}

function buildRow({ what, seconds, cpuSeconds, runs }: BuildFigures): string[] {
  return [what, number(seconds), number(cpuSeconds), runs.at(-1)?.built.join(" ") || "none"];
}

function formatCompressions(compressions: CompressionFigures[]): string {
  const rows = compressions.map(({ compression, bytes, packSeconds, unpackSeconds }) => [compression, megabytes(bytes), number(packSeconds), number(unpackSeconds)]);
  return formatTable([["compression of the default image", "MB (10^6 bytes)", "pack s", "unpack s in the guest"], ...rows]);
}

function formatImages(images: Measured["images"]): string {
  const layers = [...new Set(Object.values(images).flatMap((image) => image.layers?.map(({ name }) => name) ?? []))];
  const rows = Object.entries(images).map(([name, image]) => [
    name, megabytes(image.bytes), ...layers.map((layer) => megabytes(image.layers?.find((each) => each.name === layer)?.bytes)),
  ]);
  return rows.length === 0 ? "" : formatTable([["image, MB (10^6 bytes)", "all", ...layers], ...rows]);
}

function formatBoots(boots: Measured["boots"]): string {
  const named = Object.entries(boots);
  if (named.length === 0) return "";
  const heading = ["boot of LUKS+LVM", "to prompt s", "unlock s", "uptime s", "CPU s", "MemFree MiB", "free MiB", "survivors", "restarts", "load"];
  const rows = named.map(([name, list]) => {
    const middle = (pick: (boot: BootFigures) => number | undefined, digits = 2): string => number(medianOf(list, pick), digits);
    return [
      name, middle((boot) => boot.promptSeconds), middle((boot) => boot.unlockSeconds), middle((boot) => boot.root.uptimeSeconds), middle((boot) => boot.cpuSeconds),
      middle((boot) => boot.root.memFreeKib / 1024, 1), middle((boot) => boot.freeKib / 1024, 1),
      [...new Set(list.flatMap((boot) => boot.root.survivors))].join(" ") || "none", String(list.reduce((sum, boot) => sum + boot.restarts, 0)), middle((boot) => boot.load, 1),
    ];
  });
  const theirs = boots[PEER] ?? [];
  const ours = theirs.length === 0 ? [] : named.filter(([name]) => name !== PEER);
  const ratios = [{ what: "medians", of: medianOf }, { what: "least of the rounds", of: leastOf }].flatMap(({ what, of }) => ours.map(([name, list]) => {
    const compare = (pick: (boot: BootFigures) => number | undefined): string => number(ratio(of(list, pick), of(theirs, pick)));
    return [`${name} ÷ ${PEER}, ${what}`, compare((boot) => boot.promptSeconds), compare((boot) => boot.unlockSeconds), compare(uptime), compare((boot) => boot.cpuSeconds)];
  }));
  return formatTable([heading, ...rows, ...ratios]);
}

/** Of the medians: a machine that gets slower while it measures gives each contestant's least another moment. */
function medianRatio(ours: BootFigures[], theirs: BootFigures[], pick: (boot: BootFigures) => number): number | undefined {
  return ratio(medianOf(ours, pick), medianOf(theirs, pick));
}

function uptime({ root }: BootFigures): number {
  return root.uptimeSeconds;
}

function formatTimeline(boots: BootFigures[]): string {
  const names = boots[0]?.timeline.map(({ name }) => name) ?? [];
  if (names.length === 0) return "";
  const at = (name: string): number | undefined => medianOf(boots, ({ timeline }) => timeline.find((point) => point.name === name)?.uptimeSeconds);
  const points = [...names.map((name) => ({ name, seconds: at(name) })), { name: "the root's init", seconds: medianOf(boots, ({ root }) => root.uptimeSeconds) }];
  const rows = points.map(({ name, seconds }, i) => [name, number(seconds), number(i === 0 || seconds === undefined ? seconds : seconds - (points[i - 1]!.seconds ?? seconds))]);
  return formatTable([["generic: timeline of the guest", "uptime s", "since the one before"], ...rows]);
}

function formatMemory({ ours, baseline, leftKib, modules }: MemoryFigures): string {
  const row = (name: string, boots: BootFigures[]): string[] =>
    [name, mebibytes(medianOf(boots, ({ freeKib }) => freeKib)), mebibytes(medianOf(boots, ({ root }) => root.settledFreeKib))];
  return formatTable([
    [`plain ext4 root, ${modules.length} modules loaded`, "free MiB", "of it MemFree"],
    row("our image", ours),
    row("nothing left of the initrd", baseline),
    ["left by ours", mebibytes(leftKib)],
  ]);
}

function mebibytes(kib: number | undefined): string {
  return number(kib === undefined ? undefined : kib / 1024, 1);
}

function targetRow(target: Target): string[] {
  const met = isMet(target);
  return [target.name, `${number(target.value)} ${target.unit}`, `${target.limit} ${target.unit}`, met === undefined ? "not measured" : met ? "met" : "MISSED"];
}
