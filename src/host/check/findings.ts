import type { Stage } from "../../core/realroot/types.ts";
import type { Volume } from "../../core/volumes/types.ts";
import type { ImageFacts } from "./image-facts.ts";

/** One thing that a boot needs. */
export interface Finding {
  what: string;
  /** `unknown`: nobody can tell from here. */
  outcome: "ok" | "failed" | "unknown";
  evidence: string;
  /** What to do about it. */
  next?: string;
}

/** A stage of the realroot, and what it needs, in the order of the boot. */
export interface Hop {
  /** The spec as it is written; `the image` and `the root` for what is before and behind the stages. */
  stage: string;
  findings: Finding[];
}

/** What a stage needs of the image: its script, with the modules and programs that the script says it can't do without. */
export async function imageFindings(stage: Pick<Stage, "kind">, image: ImageFacts): Promise<Finding[]> {
  const script = await image.scriptOf(stage.kind);
  if (script === undefined) return [{ what: `kind ${stage.kind}`, outcome: "failed", evidence: `the image serves ${Object.keys(image.boot.kinds).sort().join(", ")}`, next: `add it to realroots: of the configuration: [${[...Object.keys(image.boot.kinds), stage.kind].sort().join(", ")}]` }];
  const modules = script.header.modules.filter(({ optional }) => !optional).map(({ name }) => driverFinding(name, `module ${name}`, image));
  const programs = await Promise.all(script.header.programs.filter(({ optional }) => !optional).map(({ name }) => programFinding(name, image)));
  return [{ what: `kind ${stage.kind}`, outcome: "ok", evidence: `/${script.path}` }, ...modules, ...programs];
}

/** What is wrong with a volume: a copy that was used in place of a damaged one does no harm; what ends behind its device's end is refused by the kernel. */
export function healthFindings({ content, damage, name, sizeBytes, table }: Volume): Finding[] {
  const outcome = (content === undefined && table === undefined) || (content?.sizeBytes ?? 0) > sizeBytes ? "failed" : "ok";
  return [...(damage === undefined ? [] : [damage]), ...(content?.damage ?? [])].map((text): Finding => ({ what: `health of ${name}`, outcome, evidence: text.split("\n")[0]! }));
}

/** A kernel module, or what modprobe finds by this name. */
export function driverFinding(name: string, what: string, image: ImageFacts): Finding {
  const place = image.driver(name);
  if (place !== undefined) return { what, outcome: "ok", evidence: place };
  return { what, outcome: "failed", evidence: `neither in the image nor built into kernel ${image.kernelRelease ?? "of the image"}`, next: `add it: modules: {add: [${name}]}, and build again` };
}

async function programFinding(name: string, image: ImageFacts): Promise<Finding> {
  const found = await image.program(name);
  if (found === undefined) return { what: `program ${name}`, outcome: "failed", evidence: "not in the image", next: `build again; programs: [${name}] adds it by hand` };
  if (found.missing.length > 0) return { what: `program ${name}`, outcome: "failed", evidence: `/${found.path} needs ${found.missing.join(", ")}, which the image has not`, next: "build again" };
  return { what: `program ${name}`, outcome: "ok", evidence: `/${found.path}, with its libraries` };
}
