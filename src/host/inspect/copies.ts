import { MkinitrdError } from "../../core/errors.ts";
import { printableLine } from "../../core/quote.ts";
import { lowerVolumes } from "../../core/volumes/tree.ts";
import type { Volume } from "../../core/volumes/types.ts";

/** What is wrong with a volume whose physical volumes or members were found twice: which are meant, nobody can tell. Undefined where none were. */
export function copiesOf({ lv, md }: Pick<Volume, "lv" | "md">): string | undefined {
  return describeCopies(lv?.copies ?? md?.copies ?? [], md === undefined ? "physical volume" : "member");
}

/** The same of the paths of the copies. */
export function describeCopies(copies: readonly string[], what: "physical volume" | "member"): string | undefined {
  if (copies.length === 0) return undefined;
  return `${copies.map(printableLine).join(", ")} ${copies.length === 1 ? "has" : "have"} the same ${what} as another disk: one is a copy, and nobody can tell which`;
}

/** Throws when a volume, or one that it lies on, was found twice: its bytes may be those of a copy that is out of date. */
export function refuseCopies(volume: Volume, volumes: Volume[], tried: string): void {
  const lower = lowerVolumes(volumes);
  const seen = new Set<Volume>();
  const visit = (one: Volume): void => {
    if (seen.has(one)) return;
    seen.add(one);
    const found = copiesOf(one);
    if (found !== undefined) throw new MkinitrdError({ tried, on: volume.name, found, next: "name the disks of one of them alone" });
    lower(one).forEach(visit);
  };
  visit(volume);
}
