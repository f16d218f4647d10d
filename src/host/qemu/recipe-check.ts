import { MkinitrdError } from "../../core/errors.ts";
import { yamlError } from "../config/yaml-document.ts";
import type { Content, Recipe } from "./recipe.ts";

/** Throws, with line and column, when the parts of a recipe don't fit together: groups without volumes, and the reverse. */
export function checkRecipe(recipe: Recipe, text: string, file: string): void {
  const groups = recipe.volumeGroups.map(({ name }) => name);
  const members = allContents(recipe).flatMap((content) => (content.kind === "pv" ? [content.vg] : []));
  for (const vg of members) {
    if (groups.includes(vg)) continue;
    throw new MkinitrdError({ tried: "reading the recipe", on: file, found: `a physical volume of ${vg}, which volume-groups does not have; known: ${groups.join(", ") || "none"}` });
  }
  for (const { name, logicalVolumes } of recipe.volumeGroups) {
    const refuse = (path: PropertyKey[], found: string): never => { throw yamlError(text, file, ["volume-groups", name, ...path], found); };
    const pvs = members.filter((vg) => vg === name).length;
    if (pvs === 0) refuse([], `${name} has no physical volume: no content is \`pv: ${name}\``);
    logicalVolumes.forEach((lv, i) => {
      const path = ["logical-volumes", i];
      if (lv.stripes > pvs) refuse([...path, "stripes"], `${lv.stripes} stripes need as many physical volumes; ${name} has ${pvs}`);
      if (lv.sizeBytes === undefined && i < logicalVolumes.length - 1) refuse(path, `size is missing: only the last logical volume takes the rest`);
    });
  }
}

/** Every content of a recipe, those inside containers behind the container. */
export function allContents(recipe: Recipe): Content[] {
  const outer = [
    ...recipe.disks.flatMap(({ content, table }) => [content, ...(table?.partitions ?? []).map((partition) => partition.content)]),
    ...recipe.volumeGroups.flatMap(({ logicalVolumes }) => logicalVolumes.map(({ content }) => content)),
  ];
  return outer.flatMap(withInner);
}

function withInner(content: Content | undefined): Content[] {
  if (content === undefined) return [];
  return content.kind === "luks" ? [content, ...withInner(content.content)] : [content];
}
