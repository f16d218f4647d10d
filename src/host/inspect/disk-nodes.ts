import { MkinitrdError } from "../../core/errors.ts";
import { quote } from "../../core/quote.ts";
import { mapperName } from "../../core/volumes/lvm-names.ts";
import type { BlockDevice, Volume } from "../../core/volumes/types.ts";

/**
 * Reads `DISK=/dev/NODE` words: by a disk's own name, the node that it will have. `paths` are the disks as they were named, and `devices` as
 * they were opened, in the same order. Throws for a disk that was not named, and for what is no node.
 */
export function parseNodes(words: readonly string[], paths: readonly string[], devices: readonly BlockDevice[]): Map<string, string> {
  const names = new Map([...new Set(paths)].map((path, index) => [path, devices[index]?.path ?? path]));
  return new Map(words.map((word) => {
    const at = word.lastIndexOf("=/dev/");
    const [disk, node] = [word.slice(0, at), word.slice(at + 1)];
    const fail = (found: string) => new MkinitrdError({ tried: "reading the option --as", on: quote(word), found, next: "write --as DISK=/dev/NODE, DISK being one of the disks behind it: --as disk.img=/dev/loop0" });
    if (at <= 0 || !/^\/dev\/[^\s/][^\s]*$/.test(node)) throw fail("it names no node of /dev");
    const name = names.get(disk) ?? [...names.values()].find((each) => each === disk);
    if (name === undefined) throw fail(`${quote(disk)} is none of the disks; they are ${[...names.keys()].join(", ")}`);
    return [name, node] as const;
  }));
}

/**
 * The kernel's node for a partition of a disk: `/dev/sda2`, `/dev/nvme0n1p2`, `/dev/disk/by-id/…-part2`; Linux Documentation/admin-guide/devices.rst,
 * block/partitions/core.c. Undefined where the kernel makes none: of an image file, and of what device-mapper made.
 */
export function partitionNode(diskNode: string, number: number): string | undefined {
  if (diskNode.startsWith("/dev/disk/")) return `${diskNode}-part${number}`;
  if (!/^\/dev\/(?!mapper\/|dm-)/.test(diskNode)) return undefined;
  return `${diskNode}${/\d$/.test(diskNode) ? "p" : ""}${number}`;
}

/** Puts nodes in the place of names in a table's line. A name may have blanks: the longest that fits is meant. */
export function renamer(nodes: ReadonlyMap<string, string>): (line: string) => string {
  if (nodes.size === 0) return (line) => line;
  const names = [...nodes.keys()].toSorted((a, b) => b.length - a.length).map((name) => name.replaceAll(/[\\^$.*+?()[\]{}|/-]/g, "\\$&"));
  const pattern = new RegExp(`(?<=^| )(?:${names.join("|")})(?= |$)`, "g");
  return (line) => line.replaceAll(pattern, (name) => nodes.get(name) ?? name);
}

/** By the names of disks, their partitions and logical volumes, the nodes that they have. */
export function nodesOf(volumes: readonly Volume[], asked: ReadonlyMap<string, string>): Map<string, string> {
  const found = new Map(asked);
  for (const { layer, lv, name, parent, partition, path } of volumes) {
    if (lv !== undefined && path === undefined) found.set(name, `/dev/mapper/${mapperName(lv.vg, lv.lv)}`);
    if (layer !== "partition" || path !== undefined || parent === undefined || partition === undefined) continue;
    const node = partitionNode(asked.get(parent) ?? parent, partition.number);
    if (node !== undefined) found.set(name, node);
  }
  return found;
}
