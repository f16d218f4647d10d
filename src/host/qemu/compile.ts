import { fillFilesystem } from "./compile-filesystem.ts";
import { createArray } from "./compile-md.ts";
import { createGroup } from "./compile-lvm.ts";
import { fillLuks } from "./compile-luks.ts";
import { fillPlain } from "./compile-plain.ts";
import { partitionPath, partitionStart, writeTable } from "./compile-table.ts";
import { fillTcrypt } from "./compile-tcrypt.ts";
import { fillVeracrypt } from "./compile-veracrypt.ts";
import type { Content, FilesystemContent, Recipe, Root } from "./recipe.ts";
import { allContents } from "./recipe-check.ts";
import type { Step } from "./steps.ts";

/** Where the builder VM has things. */
export interface Placement {
  /** The block device of each disk of the recipe: `/dev/vda`. */
  disks: string[];
  /** The block device that holds a root's files as a tar archive. */
  archive: (root: Root) => string;
}

/** Where a device lies that is a partition. */
export interface PartitionPlace {
  disk: string;
  startBytes: number;
}

/** What the compilers of the single contents share. */
export interface Compiler extends Placement {
  /** Appends what makes the content on a device; opens what it is in, and has it closed at the end. */
  fill(device: string, content: Content | undefined, partition?: PartitionPlace): void;
  step(step: Step): void;
  /** A step for the end, in front of those that were given before: what was opened last is closed first. */
  atEnd(step: Step): void;
  /** Notes a device of the btrfs with this label, for when that is made. */
  addMember(label: string, device: string): void;
  /** The device of the partition with this label, or of the header with this name. */
  labelled(label: string): string;
  /** Notes a physical volume, for when its group is made. */
  addPv(vg: string, device: string): void;
  /** Notes a member, for when its array is made. */
  addLeg(array: string, device: string): void;
}

/** The programs to run, in order, to make the recipe's disks from empty ones; everything is closed and on the disk at the end. */
export function compileRecipe(recipe: Recipe, placement: Placement): Step[] {
  const steps: Step[] = [];
  const ending: Step[] = [];
  const pvs = new Map<string, string[]>();
  const members = new Map<string, string[]>();
  const pools: { device: string; content: FilesystemContent }[] = [];
  const legs = new Map<string, string[]>();
  const compiler: Compiler = {
    ...placement,
    step: (step) => void steps.push(step),
    atEnd: (step) => void ending.unshift(step),
    addMember: (label, device) => void members.set(label, [...(members.get(label) ?? []), device]),
    labelled: (label) => labelledPartition(recipe, placement, label),
    addPv: (vg, device) => void pvs.set(vg, [...(pvs.get(vg) ?? []), device]),
    addLeg: (array, device) => void legs.set(array, [...(legs.get(array) ?? []), device]),
    fill(device, content, partition) {
      if (content === undefined) return;
      if (isPool(content)) pools.push({ device, content });
      else fillContent(compiler, device, content, partition);
    },
  };
  // All of them first: a detached header may lie on a later disk.
  recipe.disks.forEach(({ table }, i) => table !== undefined && writeTable(compiler, placement.disks[i] ?? "", table));
  recipe.disks.forEach(({ table, content }, i) => {
    const disk = placement.disks[i] ?? "";
    table?.partitions.forEach((partition, index) => compiler.fill(partitionPath(disk, index), partition.content, { disk, startBytes: partitionStart(table, index) }));
    compiler.fill(disk, content);
  });
  recipe.arrays.forEach((array, number) => createArray(compiler, array, number, legs.get(array.name) ?? []));
  // In the order of the recipe: a group whose volumes lie in another one stands behind it.
  for (const group of recipe.volumeGroups) createGroup(compiler, group, pvs.get(group.name) ?? []);
  for (const { device, content } of pools) fillFilesystem(compiler, device, content, members.get(content.label ?? ""));
  return [...steps, ...ending, { about: "everything to the disks", program: "busybox", args: ["sync"] }];

  /** It is made when all of its devices are there. */
  function isPool(content: Content): content is FilesystemContent {
    return content.kind === "filesystem" && allContents(recipe).some((other) => other.kind === "member" && other.of === content.label);
  }
}

function labelledPartition({ disks }: Recipe, placement: Placement, label: string): string {
  const paths = disks.flatMap(({ table, content: whole }, i) => {
    const disk = placement.disks[i] ?? "";
    const isMeant = (content: Content | undefined, name: string | undefined) => (content?.kind === "header" ? content.name === label : name === label);
    return [...(isMeant(whole, undefined) ? [disk] : []), ...(table?.partitions ?? []).flatMap(({ content, label: name }, index) => (isMeant(content, name) ? [partitionPath(disk, index)] : []))];
  });
  return paths[0] ?? ""; // recipe-check.ts has seen it
}

function fillContent(compiler: Compiler, device: string, content: Content, partition: PartitionPlace | undefined): void {
  switch (content.kind) {
    case "luks":
      return fillLuks(compiler, device, content);
    case "tcrypt":
      return fillTcrypt(compiler, device, content);
    case "veracrypt":
      return fillVeracrypt(compiler, device, content, partition);
    case "member":
      return compiler.addMember(content.of, device);
    case "plain":
      return fillPlain(compiler, device, content);
    case "pv":
      return compiler.addPv(content.vg, device);
    case "header":
      return; // the volume's own maker writes it
    case "bytes":
      return compiler.step({ about: `a key on ${device}`, program: "busybox", args: ["dd", `of=${device}`, "conv=notrunc"], input: content.text });
    case "md":
      return compiler.addLeg(content.array, device);
    case "filesystem":
      return fillFilesystem(compiler, device, content);
  }
}
