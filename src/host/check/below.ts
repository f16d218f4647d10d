import type { Stage } from "../../core/realroot/types.ts";
import { describeMissing } from "../../core/volumes/describe.ts";
import type { Survey } from "../../core/volumes/discover.ts";
import { lowerVolumes } from "../../core/volumes/tree.ts";
import type { Volume } from "../../core/volumes/types.ts";
import { copiesOf } from "../inspect/copies.ts";
import { driversOf } from "./drivers.ts";
import { driverFinding, type Finding, healthFindings, imageFindings } from "./findings.ts";
import type { ImageFacts } from "./image-facts.ts";
import { insidesOf, namedBy } from "./named.ts";

/** What a walk down from the volumes of a realroot knows. */
export interface Walk {
  survey: Survey;
  image: ImageFacts;
  /** The realroot's, and those that may be opened beside them. */
  stages: readonly Stage[];
  /** The word `gpt` is on the kernel command line. */
  isGptForced: boolean;
  /** What was looked at already, for a stage before. */
  seen: Set<Volume>;
}

/** What a volume and all that it lies on need: that a stage opens it, and that the image can activate, assemble or list it. */
export async function belowFindings(volume: Volume, walk: Walk): Promise<Finding[]> {
  const lower = lowerVolumes(walk.survey.volumes);
  const findings: Finding[] = [];
  const visit = async (one: Volume): Promise<void> => {
    if (walk.seen.has(one)) return;
    walk.seen.add(one);
    const below = lower(one);
    for (const each of below) await visit(each);
    findings.push(...healthFindings(one), ...copyFindings(one), ...tableFindings(one, walk), ...mappingFindings(one, below, walk), ...(await kindFindings(one, walk)), ...arrayFindings(one, walk), ...missingFindings(one, walk));
    findings.push(...driversOf(one, walk.survey.groups).map(({ module, reason }) => driverFinding(module, `${reason}: ${module}`, walk.image)));
  };
  await visit(volume);
  return findings;
}

/** The kernel looks at the copy of a GPT only when it is told to; admin-guide/kernel-parameters, "gpt". */
function tableFindings({ damage, name, table }: Volume, { isGptForced }: Walk): Finding[] {
  if (table?.usedCopy !== "backup") return [];
  const what = `partition table of ${name}`;
  if (isGptForced) return [{ what, outcome: "ok", evidence: "its copy is used, which the word gpt has the kernel look at" }];
  return [{ what, outcome: "failed", evidence: `${damage ?? "its primary header is damaged"}; the kernel does not look at the copy by itself`, next: "repair it: fdisk, which takes the copy, and its command w; or put the word gpt on the kernel command line" }];
}

function copyFindings(volume: Volume): Finding[] {
  const evidence = copiesOf(volume);
  return evidence === undefined ? [] : [{ what: `disks of ${volume.name}`, outcome: "failed", evidence, next: "detach the copy, and name the disks that are meant alone" }];
}

/** What lies in an encrypted volume is there when one of the stages opens it. */
function mappingFindings(volume: Volume, below: readonly Volume[], { stages, survey: { volumes } }: Walk): Finding[] {
  if (volume.layer !== "mapping" || volume.dm?.uuid.startsWith("CRYPT-") !== true || volume.dm.uuid.startsWith("CRYPT-VERITY")) return [];
  const isOpened = stages.some((stage) => namedBy(stage, stages, volumes).found.some((container) => insidesOf(stage, container, volumes).includes(volume)));
  const container = below[0]?.name ?? volume.name;
  return isOpened ? [] : [{ what: `inside of ${container}`, outcome: "failed", evidence: "the root lies in it, and no stage of the realroot opens it", next: "mkinitrd inspect with the same options shows the realroot that does" }];
}

/** Logical volumes and arrays that no stage names are opened by the script of their kind, where the image has it. */
async function kindFindings({ layer, lv, md }: Volume, { image, stages }: Walk): Promise<Finding[]> {
  const kind = layer === "lv" && lv !== undefined ? "lvm" : md === undefined ? undefined : "md";
  if (kind === undefined || stages.some((stage) => stage.kind === kind)) return [];
  return imageFindings({ kind }, image);
}

function arrayFindings({ md, name }: Volume, { stages, survey: { volumes } }: Walk): Finding[] {
  if (md === undefined || md.missing.length === 0) return [];
  const own = stages.find((stage) => stage.kind === "md" && namedBy(stage, stages, volumes).found.some((volume) => volume.md?.uuid === md.uuid));
  return [degradedFinding(`members of ${name}`, `${describeMissing(md)} is missing`, md.startable, own, `realroot=md:none:UUID=${md.uuid}:degraded=ask in front starts it without when a person agrees`)];
}

function missingFindings({ lv }: Volume, { stages, survey: { volumes } }: Walk): Finding[] {
  if (lv === undefined || lv.missingPvs.length === 0) return [];
  const own = stages.find((stage) => stage.kind === "lvm" && namedBy(stage, stages, volumes).found.some((volume) => volume.lv?.lvUuid === lv.lvUuid));
  return lv.missingPvs.map((pv) => degradedFinding(`physical volume ${pv}`, "it is on none of the disks", lv.degradable === true, own, `the option degraded=ask of the stage lvm:…:${lv.vg}/${lv.lv} starts it without when a person agrees`));
}

/** What has lost a disk is started without it when its own stage says so, and it can be. */
function degradedFinding(what: string, evidence: string, isStartable: boolean, own: Stage | undefined, allow: string): Finding {
  const degraded = own?.options["degraded"] ?? "never";
  if (isStartable && degraded === "ask") return { what, outcome: "unknown", evidence: `${evidence}; the boot asks a person whether to start without` };
  if (isStartable && degraded !== "never") return { what, outcome: "ok", evidence: `${evidence}; the boot starts without after ${String(degraded)} s` };
  return { what, outcome: "failed", evidence, next: `name its disk, too: --disk FILE${isStartable ? `; ${allow}` : ""}` };
}
