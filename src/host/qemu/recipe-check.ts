import { yamlError } from "../config/yaml-document.ts";
import type { ArrayLevel, Content, LogicalVolume, Recipe } from "./recipe.ts";

/** Fewer are possible, and then no array that is worth a test. */
const LEAST_MEMBERS: Record<ArrayLevel, number> = { linear: 2, 0: 2, 1: 2, 4: 3, 5: 3, 6: 4, 10: 2 };

/** `disks`, its number, `partitions`, its number, `content`. */
const PARTITION_DEPTH = 5;

/** Throws, with line and column, when the parts of a recipe don't fit together: groups without volumes, and the reverse. */
export function checkRecipe(recipe: Recipe, text: string, file: string): void {
  const groups = recipe.volumeGroups.map(({ name }) => name);
  const refuse = (path: PropertyKey[], found: string): never => { throw yamlError(text, file, path, found); };
  recipe.disks.forEach(({ sizeBytes, table }, i) => {
    const needed = (table?.partitions ?? []).reduce((sum, partition) => sum + (partition.sizeBytes ?? 0), 0);
    if (needed >= sizeBytes) refuse(["disks", i, "partitions"], `they take ${needed} bytes of a disk of ${sizeBytes}`);
  });
  const legs = locatedContents(recipe).flatMap(({ content, path }) => (content.kind === "md" ? [{ array: content.array, path }] : []));
  for (const { array, path } of legs) {
    if (!recipe.arrays.some(({ name }) => name === array)) refuse([...path, "md"], `a member of ${array}, which arrays does not have; known: ${recipe.arrays.map(({ name }) => name).join(", ") || "none"}`);
  }
  for (const { name, level } of recipe.arrays) {
    const count = legs.filter(({ array }) => array === name).length;
    const least = LEAST_MEMBERS[level];
    if (count < least) refuse(["arrays", name], `${count} members: contents that are \`md: ${name}\`; level ${level} wants ${least}`);
  }
  const members = locatedContents(recipe).flatMap(({ content, path }) => (content.kind === "pv" ? [{ vg: content.vg, path }] : []));
  for (const { vg, path } of members) {
    if (!groups.includes(vg)) refuse([...path, "pv"], `a physical volume of ${vg}, which volume-groups does not have; known: ${groups.join(", ") || "none"}`);
  }
  const pools = allContents(recipe).flatMap((content) => (content.kind === "filesystem" && content.fstype === "btrfs" ? [content.label] : []));
  for (const { content, path } of locatedContents(recipe)) {
    if (content.kind !== "member" || pools.filter((label) => label === content.of).length === 1) continue;
    refuse([...path, "member"], `a device of ${content.of}, which is the label of no btrfs, or of several; known: ${pools.filter((label) => label !== undefined).join(", ") || "none"}`);
  }
  const labels = recipe.disks.flatMap(({ table }) => (table?.partitions ?? []).filter(({ content }) => content === undefined).map(({ label }) => label));
  for (const { content, path } of locatedContents(recipe)) {
    if (content.kind === "luks" && content.header !== undefined && !labels.includes(content.header)) {
      refuse([...path, "luks", "header"], `no partition without a content has the label ${content.header}; known: ${labels.filter((label) => label !== undefined).join(", ") || "none"}`);
    }
  }
  const systems = locatedContents(recipe).filter(({ content }) => content.kind === "veracrypt" && content.system);
  systems.forEach(({ path }, i) => {
    if (path.length !== PARTITION_DEPTH || path[2] !== "partitions") refuse([...path, "veracrypt", "system"], "it is of a partition: the header lies in front of the first one");
    if (systems.findIndex((other) => other.path[1] === path[1]) !== i) refuse([...path, "veracrypt", "system"], "a disk has room for one such header");
  });
  for (const { name, logicalVolumes } of recipe.volumeGroups) {
    const group = ["volume-groups", name];
    const pvs = members.filter(({ vg }) => vg === name).length;
    if (pvs === 0) refuse(group, `${name} has no physical volume: no content is \`pv: ${name}\``);
    logicalVolumes.forEach((lv, i) => {
      const path = [...group, "logical-volumes", i];
      const needed = neededPvs(lv);
      if (needed > pvs) refuse([...path, "stripes"], `${lv.type === "linear" ? `${lv.stripes} stripes` : `${lv.type} of ${lv.stripes} stripes`} need ${needed} physical volumes; ${name} has ${pvs}`);
      const before = logicalVolumes.slice(0, i).map((other) => other.name);
      if (lv.origin !== undefined && !before.includes(lv.origin)) refuse([...path, "origin"], `${lv.origin} is no volume before it; known: ${before.join(", ") || "none"}`);
      if (lv.sizeBytes === undefined && i < logicalVolumes.length - 1) refuse(path, `size is missing: only the last logical volume takes the rest`);
    });
  }
}

/** How many physical volumes a logical volume lies on at least. */
function neededPvs({ stripes, type }: LogicalVolume): number {
  const copies = { mirror: 2, raid1: 2, raid10: 2 * stripes, raid5: stripes + 1, linear: stripes };
  return Object.hasOwn(copies, type) ? copies[type as keyof typeof copies] : 1;
}

/** Every content of a recipe, those inside containers behind the container. */
export function allContents(recipe: Recipe): Content[] {
  return locatedContents(recipe).map(({ content }) => content);
}

/** A content, and the keys that lead to it in the recipe's text. */
interface Located {
  content: Content;
  path: PropertyKey[];
}

function locatedContents({ arrays, disks, volumeGroups }: Recipe): Located[] {
  return [
    ...disks.flatMap(({ content, table }, disk) => [
      ...withInner(content, ["disks", disk, "content"]),
      ...(table?.partitions ?? []).flatMap((partition, i) => withInner(partition.content, ["disks", disk, "partitions", i, "content"])),
    ]),
    ...arrays.flatMap(({ name, content }) => withInner(content, ["arrays", name, "content"])),
    ...volumeGroups.flatMap(({ name, logicalVolumes }) => logicalVolumes.flatMap(({ content }, i) => withInner(content, ["volume-groups", name, "logical-volumes", i, "content"]))),
  ];
}

function withInner(content: Content | undefined, path: PropertyKey[]): Located[] {
  if (content === undefined) return [];
  switch (content.kind) {
    case "luks":
      return [{ content, path }, ...withInner(content.content, [...path, "luks", "content"])];
    case "plain":
      return [{ content, path }, ...withInner(content.content, [...path, "plain", "content"])];
    case "tcrypt":
      return [{ content, path }, ...withInner(content.content, [...path, "tcrypt", "content"]), ...withInner(content.hidden?.content, [...path, "tcrypt", "hidden", "content"])];
    case "veracrypt":
      return [{ content, path }, ...withInner(content.content, [...path, "veracrypt", "content"])];
    default:
      return [{ content, path }];
  }
}
