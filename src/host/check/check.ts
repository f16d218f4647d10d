import { formatStage } from "../../core/realroot/stage.ts";
import { type BootRequest } from "../../core/realroot/types.ts";
import { kindTable } from "../../core/rc/boot-config.ts";
import type { Survey } from "../../core/volumes/discover.ts";
import type { Volume } from "../../core/volumes/types.ts";
import { type Finding, type Hop, imageFindings } from "./findings.ts";
import { deviceFindings, rootFindings } from "./hops.ts";
import type { ImageFacts } from "./image-facts.ts";
import { keyFileFindings } from "./key-files.ts";

/**
 * Whether an image would boot a realroot: hop by hop, what each stage needs of the image and, where there are disks to look at, what it
 * finds there. `isGptForced` says that the word `gpt` is on the kernel command line.
 */
export async function checkBoot(image: ImageFacts, { atHand = [], init, stages, warnings }: BootRequest, { isGptForced = false, survey }: { isGptForced?: boolean; survey?: Survey | undefined } = {}): Promise<Hop[]> {
  const hops: Hop[] = [{ stage: "the image", findings: [await stepFinding(image), ...warnings.map((evidence): Finding => ({ what: "kernel command line", outcome: "failed", evidence }))] }];
  if (stages.length === 0) return [...hops, { stage: "the root", findings: [{ what: "realroot", outcome: "failed", evidence: "neither the image nor the command line names a root", next: "give one: mkinitrd check IMAGE realroot=KIND:FILESYSTEM:DEVICE, or build with --realroot" }] }];
  const walk = survey && { survey, image, stages: [...stages, ...atHand, ...image.crypttab], isGptForced, seen: new Set<Volume>() };
  let locked = false;
  for (const [index, stage] of stages.entries()) {
    const findings = [...(await imageFindings(stage, image)), ...keyFileFindings(stage, image)];
    let volume: Volume | undefined;
    if (walk !== undefined && !locked && isDevice(image, stage.kind)) {
      const result = await deviceFindings(stage, walk);
      findings.push(...result.findings);
      ({ volume } = result);
      locked = result.findings.some(({ outcome }) => outcome === "unknown");
    }
    hops.push({ stage: formatStage(stage, kindTable(image.boot)), findings });
    if (index === stages.length - 1) hops.push({ stage: "the root", findings: [...(await imageFindings({ kind: "mount" }, image)).slice(1), ...(locked ? [] : await rootFindings(stage, volume, init, image))] });
  }
  return hops;
}

/** A kind whose spec has an address is none of a disk's. */
function isDevice(image: ImageFacts, kind: string): boolean {
  return image.boot.kinds[kind]?.fields.includes("device") !== false;
}

async function stepFinding(image: ImageFacts): Promise<Finding> {
  const missing: string[] = [];
  for (const { name } of image.boot.steps) if ((await image.scriptOf(name)) === undefined) missing.push(name);
  if (missing.length > 0) return { what: "boot steps", outcome: "failed", evidence: `the scripts of ${missing.join(", ")} are not in it`, next: "build it again" };
  return { what: "boot steps", outcome: "ok", evidence: `${image.boot.steps.map(({ name }) => name).join(" → ")}${image.kernelRelease === undefined ? "" : `, for kernel ${image.kernelRelease}`}` };
}
