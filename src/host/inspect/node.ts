import type { Stage } from "../../core/realroot/types.ts";
import type { Survey } from "../../core/volumes/discover.ts";
import { rootCandidates } from "../../core/volumes/roots.ts";
import { lowerVolumes } from "../../core/volumes/tree.ts";
import type { Volume } from "../../core/volumes/types.ts";
import { copiesOf, describeCopies } from "./copies.ts";
import type { Structure } from "./structures.ts";
import { type LogicalVolume, logicalVolumeOf, type VolumeGroup } from "../../core/volumes/lvm.ts";
import type { VerityPair } from "./verity.ts";

/** One node of the tree disk → partition → LUKS → PV → VG → LV → filesystem: what `--json` prints. Sizes are bytes. */
export interface InspectNode {
  /** `disk.img`, `disk.img:2`, `vg00`, `vg00/lv0`: what `mkinitrd dump` takes. */
  name: string;
  layer: Volume["layer"] | "vg";
  /** blkid's TYPE word of what it holds. */
  type?: string;
  uuid?: string;
  label?: string;
  version?: string;
  sizeBytes: number;
  blockSizeBytes?: number;
  table?: Volume["table"];
  partition?: Volume["partition"];
  /** Of a volume group: how often its metadata was written, and its physical volumes that are not there. */
  seqno?: number;
  missingPvs?: string[];
  /** Of an array: level, its members, and the numbers of those that are not there. */
  array?: { level: string; metadata: string; devices: number; missing: number[]; members: string[] };
  /** Of a logical volume: its own UUID, which is not that of what it holds. */
  lvUuid?: string;
  /** Of a logical volume: what its segments are, as lvs says it: `linear`, `thin`; and what it is a snapshot of. */
  segmentTypes?: string[];
  snapshotOf?: string;
  /** The structures that tell what it is, field by field. */
  structures?: Structure[];
  /** Of what has a dm-verity hash tree: the volume with its data, where that is here; the root hash as the tree gives it, which proves nothing. */
  verity?: { data?: string; rootHash: string; algorithm: string; dataBlocks: number; dataBlockBytes: number };
  /** What is wrong with it; empty where nothing is. */
  damage: string[];
  /** The stages that boot it, where it may be a root. */
  realroot?: Stage[];
  /** Names of the others that it lies on, beside the one that it stands under. */
  alsoOn?: string[];
  children: InspectNode[];
}

/** What is shown beside the tree. */
interface Known {
  structures?: ReadonlyMap<Volume, Structure[]>;
  pairs?: readonly VerityPair[];
}

/** The volumes as trees, one for each disk, with the volume groups between physical and logical volumes. */
export function inspectTree({ volumes, groups }: Survey, { pairs = [], structures = new Map() }: Known = {}): InspectNode[] {
  const lower = lowerVolumes(volumes);
  const specs = new Map(rootCandidates(volumes).map(({ volume, stages }) => [volume, stages]));
  const nodes = new Map(volumes.map((volume) => [volume, volumeNode(volume, { realroot: specs.get(volume), structures: structures.get(volume), entry: logicalVolumeOf(volume, groups) })]));
  for (const { data, hash, header, rootDigest } of pairs) {
    const node = nodes.get(hash);
    if (node !== undefined) node.verity = { ...(data === undefined ? {} : { data: data.name }), rootHash: rootDigest.toString("hex"), ...pick(header, ["algorithm", "dataBlocks", "dataBlockBytes"]) };
  }
  const groupNodes = new Map(groups.map((group) => [group.uuid, groupNode(group)]));
  const roots: InspectNode[] = [];
  const place = (node: InspectNode, below: readonly Volume[]): void => {
    const [first, ...others] = below;
    if (others.length > 0) node.alsoOn = others.map(({ name }) => name);
    (first === undefined ? roots : nodes.get(first)!.children).push(node);
  };
  const byPlace = new Map(volumes.map((volume) => [volume.path ?? volume.name, volume]));
  for (const group of groups) place(groupNodes.get(group.uuid)!, group.devices.flatMap((device) => byPlace.get(device) ?? []));
  for (const volume of volumes) {
    const group = volume.lv === undefined ? undefined : groupNodes.get(volume.lv.vgUuid);
    if (group !== undefined) group.children.push(nodes.get(volume)!);
    else place(nodes.get(volume)!, lower(volume));
  }
  return roots;
}

interface Beside {
  realroot: Stage[] | undefined;
  structures: Structure[] | undefined;
  entry: LogicalVolume | undefined;
}

function volumeNode({ content, damage, layer, lv, md, name, partition, sizeBytes, table }: Volume, { entry, realroot, structures }: Beside): InspectNode {
  const copied = md === undefined ? [] : [copiesOf({ md }) ?? []].flat(); // of a logical volume its group says it
  const refused = lv?.refused === undefined ? [] : [`it can't be read here: ${lv.refused}`];
  const missing = (lv?.missingPvs ?? []).map((pv) => `the physical volume ${pv} is missing`);
  const unfit = lv?.unread === true && refused.length + missing.length === 0 && damage === undefined ? ["it can't be read: what LVM's metadata says of it names a volume, or a range of one, that its group does not have"] : [];
  return {
    name, layer, sizeBytes,
    ...(content === undefined ? {} : pick(content, ["type", "uuid", "label", "version", "blockSizeBytes"])),
    ...(table === undefined ? {} : { table }),
    ...(partition === undefined ? {} : { partition }),
    ...(lv === undefined ? {} : { lvUuid: lv.lvUuid }),
    ...(entry === undefined ? {} : { segmentTypes: entry.segmentTypes }),
    ...(lv?.snapshotOf === undefined ? {} : { snapshotOf: lv.snapshotOf }),
    ...(md === undefined ? {} : { array: pick(md, ["level", "metadata", "devices", "missing", "members"]) }),
    ...(structures === undefined || structures.length === 0 ? {} : { structures }),
    damage: [...(damage === undefined ? [] : [damage]), ...(content?.damage ?? []), ...copied, ...refused, ...unfit, ...missing],
    ...(realroot === undefined ? {} : { realroot }),
    children: [],
  };
}

function groupNode({ copies, missingPvs, name, seqno, sizeBytes, uuid }: VolumeGroup): InspectNode {
  return {
    name, layer: "vg", uuid, sizeBytes, seqno,
    ...(missingPvs.length === 0 ? {} : { missingPvs: missingPvs.map((pv) => pv.uuid) }),
    damage: [
      ...[describeCopies(copies, "physical volume") ?? []].flat(),
      ...missingPvs.map(({ name: pv, uuid: id, path }) => (path === undefined ? `the physical volume ${pv} (${id}) is not here` : `the physical volume ${pv} (${path}) was away when the group changed`)),
    ],
    children: [],
  };
}

/** Those of the keys that the object has a value for. */
function pick<T extends object, K extends keyof T>(from: T, keys: readonly K[]): Pick<T, K> {
  return Object.fromEntries(keys.filter((key) => from[key] !== undefined).map((key) => [key, from[key]])) as Pick<T, K>;
}
