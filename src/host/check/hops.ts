import { parseCipherWords } from "./ciphers.ts";
import { belowFindings, type Walk } from "./below.ts";
import { initFinding } from "./root-init.ts";
import { NO_FILESYSTEMS } from "../../core/rc/filesystems.ts";
import type { Stage } from "../../core/realroot/types.ts";
import { probeLuks1 } from "../../core/formats/luks1.ts";
import { probeLuks2 } from "../../core/formats/luks2.ts";
import { formatSize } from "../../core/volumes/describe.ts";
import type { Volume } from "../../core/volumes/types.ts";
import type { ImageFacts } from "./image-facts.ts";
import { driverFinding, type Finding } from "./findings.ts";
import { lockFindings } from "./locked.ts";
import { insidesOf, type Named, namedBy } from "./named.ts";

/** blkid's types of what each kind opens; a kind that is not here opens anything. */
const OPENS: Record<string, string[]> = { crypt: ["crypto_LUKS"], lvm: [] };
/** What holds other volumes, or nothing that can be mounted. */
const CONTAINERS = ["crypto_TCRYPT", ...NO_FILESYSTEMS];
/** Drivers whose name is not that of the filesystem. */
const DRIVERS: Record<string, string> = { ext2: "ext4", ext3: "ext4", iso9660: "isofs" };

/** The device that a stage names, what it lies on, and what is in it where the stage opens it and somebody has. Undefined volume: it is not there, or nobody can tell. */
export async function deviceFindings(stage: Stage, walk: Walk): Promise<{ findings: Finding[]; volume?: Volume }> {
  const { image, stages, survey: { volumes } } = walk;
  const named = namedBy(stage, stages, volumes);
  const [volume] = named.found;
  if (volume === undefined) return { findings: [absentFinding(stage, named)] };
  const several = named.found.length > 1 ? [{ what: `device ${stage.device}`, outcome: "failed" as const, evidence: `several have this name: ${named.found.map(({ name }) => name).join(", ")}`, next: "name it by what only one has: PARTUUID=…" }] : [];
  const type = volume.content?.type;
  const device: Finding = { what: `device ${stage.device}`, outcome: "ok", evidence: [volume.name, formatSize(volume.sizeBytes), type ?? ""].filter((word) => word !== "").join(", ") };
  const below = await belowFindings(volume, walk);
  const expected = OPENS[stage.kind];
  const wrong: Finding[] = expected !== undefined && expected.length > 0 && Object.keys(stage.options).every((key) => key !== "type" && key !== "header") && (type === undefined || !expected.includes(type))
    ? [{ what: `header on ${volume.name}`, outcome: "failed", evidence: `it holds ${type ?? "nothing that is known here"}, ${stage.kind} opens ${expected.join(", ")}`, next: "check which device the realroot names" }] : [];
  const crypt = type === "crypto_LUKS" && stage.kind === "crypt" ? await cipherFindings(volume, image) : [];
  const insides = insidesOf(stage, volume, volumes);
  const lock = lockFindings(stage, volume, insides);
  const inner = insides.length === 1 ? await belowFindings(insides[0]!, walk) : [];
  return { findings: [device, ...several, ...below, ...wrong, ...crypt, ...lock, ...inner, ...memberFindings(insides[0] ?? volume, volumes)], volume: insides[0] ?? volume };
}

/** Of a filesystem on several devices, that all are there. */
function memberFindings({ content }: Volume, volumes: readonly Volume[]): Finding[] {
  const count = content?.member?.count ?? 1;
  const here = volumes.filter((other) => content?.uuid !== undefined && other.content?.uuid === content.uuid && other.content.type === content.type);
  return count <= here.length || content?.member === undefined ? [] : [{ what: `devices of UUID=${content.uuid}`, outcome: "failed", evidence: `${here.length} of its ${count} are on the disks: ${here.map(({ name }) => name).join(", ")}`, next: "name the disks of the others, too: --disk FILE; rootflags=degraded mounts a btrfs that can do without" }];
}

/** A path of this machine says nothing of the one that boots. */
function absentFinding({ device }: Stage, { isOfMachine, lockedBehind }: Named): Finding {
  const what = `device ${device}`;
  if (lockedBehind !== undefined) return { what, outcome: "unknown", evidence: `the stage for ${lockedBehind.device} makes it, which is not open here`, next: "--unlock asks for its passphrase, and looks" };
  if (isOfMachine) return { what, outcome: "unknown", evidence: "it is on none of the disks under this name, which may be another on the machine that boots", next: "name it by what is on it: UUID=, PARTUUID=; mkinitrd inspect shows them" };
  return { what, outcome: "failed", evidence: "it is on none of the disks", next: "name the disk that has it, too: --disk FILE; mkinitrd inspect shows what there is" };
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
  if (CONTAINERS.includes(type)) return [{ what: `filesystem of ${volume.name}`, outcome: "failed", evidence: `it holds ${type}, which is no filesystem`, next: "name what lies in it; mkinitrd inspect shows the realroot" }];
  const wanted = stage.fstype === "auto" || stage.fstype === "none" ? type : stage.fstype;
  const same = DRIVERS[wanted] ?? wanted;
  const mismatch: Finding[] = wanted === type || same === (DRIVERS[type] ?? type) ? [] : [{ what: `filesystem ${wanted}`, outcome: "failed", evidence: `${volume.name} has ${type}`, next: `write ${type}, or auto, in the realroot` }];
  return [...mismatch, driverFinding(same, `filesystem ${wanted}`, image), await initFinding(volume, init)];
}
