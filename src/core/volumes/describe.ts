import { printableLine, quote } from "../quote.ts";
import type { ArrayRef, Volume } from "./types.ts";

const UNITS = ["bytes", "KiB", "MiB", "GiB", "TiB", "PiB"];

/** One line for each volume, for the error that says what was found: name, type, label, UUID, size, what is wrong. */
export function describeVolumes(volumes: Volume[]): string[] {
  return volumes.map((volume) => {
    const { content, damage, lv, md, name, otherTable, partition, sizeBytes } = volume;
    const words = [
      printableLine(name),
      content?.type ?? volume.layer,
      otherTable === undefined ? "" : `with a partition table of type ${otherTable}, which is not read`,
      content?.label === undefined ? "" : `LABEL=${quote(content.label)}`,
      content?.uuid === undefined ? "" : `UUID=${printableLine(content.uuid)}`,
      partition?.partLabel === undefined ? "" : `PARTLABEL=${quote(partition.partLabel)}`,
      md !== undefined && sizeBytes === 0 ? "" : formatSize(sizeBytes),
      md === undefined ? "" : `${md.level} UUID=${md.uuid}${md.active ? "" : "  not active"}`,
      md === undefined || md.missing.length === 0 ? "" : `missing ${describeMissing(md)}`,
      lv === undefined || lv.active ? "" : "not active",
      lv === undefined || lv.missingPvs.length === 0 ? "" : `missing PV ${lv.missingPvs.map(printableLine).join(", ")}`,
      ...[damage, ...(content?.damage ?? [])].map((text) => (text === undefined ? "" : `(${printableLine(firstLine(text))})`)),
    ];
    return words.filter((word) => word !== "").join("  ");
  });
}

/** What an array misses: `member 2 of 2`, counted from 1, with those that are there and out of date. */
export function describeMissing({ devices, missing, outdated }: ArrayRef): string {
  const stale = outdated.length === 0 ? "" : `; ${outdated.map(printableLine).join(", ")} is out of date`;
  return `member ${missing.map((role) => role + 1).join(", ")} of ${devices}${stale}`;
}

/** The same as the end of an error's text, each on a line of its own. */
export function listVolumes(volumes: Volume[]): string {
  return volumes.length === 0 ? "no block device at all" : describeVolumes(volumes).map((line) => `\n    ${line}`).join("");
}

/** Bytes in the largest unit that has at least one of them: `1.5 GiB`. */
export function formatSize(bytes: number): string {
  const power = bytes < 1 ? 0 : Math.min(UNITS.length - 1, Math.floor(Math.log2(bytes) / 10));
  const value = bytes / 1024 ** power;
  return `${Number.isInteger(value) ? value : value.toFixed(1)} ${UNITS[power]}`;
}

function firstLine(text: string): string {
  return text.split("\n", 1)[0] ?? "";
}
