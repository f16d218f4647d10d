import { MkinitrdError } from "../core/errors.ts";
import { describeMissing, describeVolumes, listVolumes } from "../core/volumes/describe.ts";
import { findVolumes } from "../core/volumes/match.ts";
import type { Volume } from "../core/volumes/types.ts";
import { AbsentError } from "./absent-error.ts";
import { incompleteArray, isArray } from "./arrays.ts";
import { findLogicalVolumes, incomplete } from "./logical-volumes.ts";

/** What was waited for did not come: what is there, and what of it is incomplete. */
export function notFound(wanted: string, timeoutMs: number, volumes: Volume[]): MkinitrdError {
  const array = findVolumes(volumes, wanted).filter(isArray).find(({ md }) => !md.active);
  if (array !== undefined) return incompleteArray(array, timeoutMs);
  const lacking = volumes.filter(isArray).find(({ md }) => !md.active && md.missing.length > 0);
  return incomplete(wanted, timeoutMs, volumes, findLogicalVolumes(volumes, wanted)) ?? new AbsentError({
    tried: `waiting ${timeoutMs / 1000} s for a device`,
    on: wanted,
    found: `it did not appear; there is: ${listVolumes(volumes)}`,
    next: lacking !== undefined
      ? `${lacking.name} was not assembled: ${describeMissing(lacking.md)} is missing; attach it, then choose Retry`
      : hintOfTable(wanted, volumes) ?? "check the name in the realroot and the cables; a disk that needs a driver wants it in the image: modules in mkinitrd.config.yaml",
  });
}

/** A partition that the kernel has not: of a GPT whose primary header is damaged it reads the copy only when it is told to; admin-guide/kernel-parameters, "gpt". */
function hintOfTable(wanted: string, volumes: Volume[]): string | undefined {
  const unseen = findVolumes(volumes, wanted).find(({ layer, path }) => layer === "partition" && path === undefined);
  const disk = volumes.find(({ name, table }) => name === unseen?.parent && table?.usedCopy === "backup");
  return disk && `the GPT of ${disk.name} is damaged, and the kernel does not look at its copy by itself: start again with the word gpt on the kernel command line, and repair it: fdisk, which takes the copy, and its command w`;
}

/** Of a filesystem on several devices, some did not come. */
export function membersMissing(wanted: string, count: number, timeoutMs: number, found: Volume[]): MkinitrdError {
  return new MkinitrdError({
    tried: `waiting ${timeoutMs / 1000} s for all devices of a filesystem`,
    on: wanted,
    found: `${found.length} of its ${count}: ${describeVolumes(found).map((line, i) => `\n    ${line}  device ${found[i]?.content?.member?.id}`).join("")}`,
    next: "attach the missing disk, then choose Retry; rootflags=degraded mounts a btrfs that can do without it",
  });
}

/** Copies, or two that have one name: which is meant only the person knows. */
export function ambiguous(wanted: string, volumes: Volume[]): MkinitrdError {
  return new MkinitrdError({
    tried: "choosing the device",
    on: wanted,
    found: `${volumes.length} that match: ${listVolumes(volumes)}`,
    next: "name one of them by its UUID, or detach the copy",
  });
}
