import { parseCipherWords } from "./ciphers.ts";
import { driversOf } from "./drivers.ts";
import { initFinding } from "./root-init.ts";
import type { Stage } from "../../core/realroot/types.ts";
import { probeLuks1 } from "../../core/formats/luks1.ts";
import { probeLuks2 } from "../../core/formats/luks2.ts";
import { formatSize } from "../../core/volumes/describe.ts";
import type { Survey } from "../../core/volumes/discover.ts";
import { findVolumes } from "../../core/volumes/match.ts";
import type { Volume } from "../../core/volumes/types.ts";
import type { ImageFacts } from "./image-facts.ts";
import { lockFindings } from "./locked.ts";

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

/** blkid's types of what each kind opens; a kind that is not here opens anything. */
const OPENS: Record<string, string[]> = { crypt: ["crypto_LUKS"], lvm: [] };
/** Drivers whose name is not that of the filesystem. */
const DRIVERS: Record<string, string> = { ext2: "ext4", ext3: "ext4", iso9660: "isofs" };

/** What a stage needs of the image: its script, with the modules and programs that the script says it can't do without. */
export async function imageFindings(stage: Pick<Stage, "kind">, image: ImageFacts): Promise<Finding[]> {
  const script = await image.scriptOf(stage.kind);
  if (script === undefined) return [{ what: `kind ${stage.kind}`, outcome: "failed", evidence: `the image serves ${Object.keys(image.boot.kinds).sort().join(", ")}`, next: `add it to realroots: of the configuration: [${[...Object.keys(image.boot.kinds), stage.kind].sort().join(", ")}]` }];
  const modules = script.header.modules.filter(({ optional }) => !optional).map(({ name }) => driverFinding(name, `module ${name}`, image));
  const programs = await Promise.all(script.header.programs.filter(({ optional }) => !optional).map(({ name }) => programFinding(name, image)));
  return [{ what: `kind ${stage.kind}`, outcome: "ok", evidence: `/${script.path}` }, ...modules, ...programs];
}

/** The device that a stage names, and what lies on it, or in it where the stage opens it and somebody has. Undefined volume: it is not there, or nobody can tell. */
export async function deviceFindings(stage: Stage, { groups, volumes }: Survey, image: ImageFacts): Promise<{ findings: Finding[]; volume?: Volume }> {
  const found = findVolumes(volumes, stage.device);
  const [volume] = found;
  if (volume === undefined) return { findings: [{ what: `device ${stage.device}`, outcome: "failed", evidence: "it is on none of the disks", next: "name the disk that has it, too: --disk FILE; mkinitrd inspect shows what there is" }] };
  // A path of this machine says nothing of the one that boots.
  const several = found.length > 1 ? [{ what: `device ${stage.device}`, outcome: "failed" as const, evidence: `several have this name: ${found.map(({ name }) => name).join(", ")}`, next: "name it by what only one has: PARTUUID=…" }] : [];
  const type = volume.content?.type;
  const device: Finding = { what: `device ${stage.device}`, outcome: "ok", evidence: [volume.name, formatSize(volume.sizeBytes), type ?? ""].filter((word) => word !== "").join(", ") };
  const damage = [...(volume.damage === undefined ? [] : [volume.damage]), ...(volume.content?.damage ?? [])].map((text): Finding => ({ what: `health of ${volume.name}`, outcome: volume.content === undefined ? "failed" : "ok", evidence: text.split("\n")[0]! }));
  const missing = (volume.lv?.missingPvs ?? []).map((pv): Finding => ({ what: `physical volume ${pv}`, outcome: "failed", evidence: "it is on none of the disks", next: "name its disk, too: --disk FILE" }));
  const expected = OPENS[stage.kind];
  const wrong: Finding[] = expected !== undefined && expected.length > 0 && Object.keys(stage.options).every((key) => key !== "type" && key !== "header") && (type === undefined || !expected.includes(type))
    ? [{ what: `header on ${volume.name}`, outcome: "failed", evidence: `it holds ${type ?? "nothing that is known here"}, ${stage.kind} opens ${expected.join(", ")}`, next: "check which device the realroot names" }] : [];
  const crypt = type === "crypto_LUKS" && stage.kind === "crypt" ? await cipherFindings(volume, image) : [];
  const inside = stage.kind === "crypt" || stage.kind === "tcplay" ? insideOf(volume, volumes) : undefined;
  const lock = lockFindings(stage, volume, inside);
  const drivers = driversOf(volume, groups).map(({ module, reason }) => driverFinding(module, `${reason}: ${module}`, image));
  return { findings: [device, ...several, ...damage, ...missing, ...drivers, ...wrong, ...crypt, ...lock], volume: inside ?? volume };
}

/** What lies in an encrypted volume, where it is open. */
function insideOf(volume: Volume, volumes: readonly Volume[]): Volume | undefined {
  return volumes.find(({ below, layer }) => layer === "mapping" && below?.includes(volume.path ?? volume.name) === true);
}

/** What a LUKS header asks of kernel and memory. */
async function cipherFindings({ source }: Volume, image: ImageFacts): Promise<Finding[]> {
  if (source === undefined) return [];
  const luks2 = await probeLuks2(source).catch(() => undefined);
  const luks1 = luks2 === undefined ? await probeLuks1(source).catch(() => undefined) : undefined;
  const ciphers = luks2?.metadata.segments.flatMap(({ crypt }) => (crypt === undefined ? [] : [crypt.encryption])) ?? (luks1 === undefined ? [] : [`${luks1.cipherName}-${luks1.cipherMode}`]);
  return [...new Set(ciphers)].flatMap((cipher) => parseCipherWords(cipher).map((name): Finding => {
    const place = [name, `${name}_generic`, `crypto-${name}`].map((each) => image.driver(each)).find((each) => each !== undefined);
    return place === undefined
      ? { what: `cipher ${cipher}: ${name}`, outcome: "failed", evidence: `no driver in the image, and none built into kernel ${image.kernelRelease ?? "of the image"}`, next: `add it: modules: {add: [${name}]}` }
      : { what: `cipher ${cipher}: ${name}`, outcome: "ok", evidence: place };
  }));
}

/** The filesystem of the root: what it is, its driver, and its init as far as that can be seen; `init` is the one asked for. */
export async function rootFindings(stage: Stage, volume: Volume | undefined, init: string | undefined, image: ImageFacts): Promise<Finding[]> {
  const type = volume?.content?.type;
  if (volume === undefined || type === undefined) return volume === undefined ? [] : [{ what: `filesystem of ${volume.name}`, outcome: volume.source === undefined ? "unknown" : "failed", evidence: volume.source === undefined ? "its bytes can't be read before it is active" : "nothing that is known here" }];
  const wanted = stage.fstype === "auto" || stage.fstype === "none" ? type : stage.fstype;
  const same = DRIVERS[wanted] ?? wanted;
  const mismatch: Finding[] = wanted === type || same === (DRIVERS[type] ?? type) ? [] : [{ what: `filesystem ${wanted}`, outcome: "failed", evidence: `${volume.name} has ${type}`, next: `write ${type}, or auto, in the realroot` }];
  return [...mismatch, driverFinding(same, `filesystem ${wanted}`, image), await initFinding(volume, init)];
}

function driverFinding(name: string, what: string, image: ImageFacts): Finding {
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
