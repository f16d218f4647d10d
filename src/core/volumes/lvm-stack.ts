import { SECTOR_BYTES } from "../binary/source.ts";
import type { Source } from "../binary/source.ts";
import type { Device } from "../dm/device.ts";
import { openTarget } from "../dm/open-target.ts";
import { openTable } from "../dm/table.ts";
import type { Target } from "../dm/table.ts";
import type { LogicalVolumeEntry, PhysicalVolumeEntry, VolumeGroupMetadata } from "../formats/lvm2-metadata.ts";
import { MkinitrdError } from "../errors.ts";
import { mapperName } from "./lvm-names.ts";
import { typeOf } from "./lvm-parts.ts";
import { refusals } from "./lvm-refusals.ts";
import { segmentPlanner } from "./lvm-segments.ts";
import { findSnapshots } from "./lvm-snapshots.ts";
import type { ByteRange, LvPlan, LvTable, Planner } from "./lvm-targets.ts";

/** LVM's own stacks are four or five deep; a made-up one must not end ours. */
const MAX_DEPTH = 32;

/** A device that LVM would make, and those that it lies on. */
interface Layer extends LvTable {
  below: Layer[];
}

/**
 * Plans LVs of every kind that can be read in user space, each over devices for its parts as LVM makes them: legs of mirrors
 * and arrays, origin and store of a snapshot, data and metadata of pools and caches. lvm2 lib/activate/dev_manager.c. Undefined
 * where that can't be: another kind, or a device that is missing and needed.
 */
export const stackPlanner: Planner = (metadata, devices) => {
  const plan = layerPlanner(metadata, devices);
  const refused = refusals(metadata);
  const gone = metadata.physicalVolumes.filter(({ name }) => !devices.has(name));
  // As LVM's --activationmode partial: what lies on a missing PV is there, and each read of it an error.
  const partial = gone.length === 0 ? undefined : layerPlanner(metadata, new Map([...devices, ...gone.map((pv) => [pv.name, missingDevice(pv, metadata.extentSectors)] as const)]));
  return (entry) => {
    const why = refused(entry.name);
    if (why !== undefined) return { refused: why };
    const open = partial?.(entry)?.open;
    const ranges = open === undefined ? [] : missingRanges(entry, gone, metadata.extentSectors);
    return { ...plan(entry), ...(open === undefined ? {} : { openPartial: open }), ...(ranges.length === 0 ? {} : { missingRanges: ranges }) };
  };
};

/** Of stripes, all are gone with one. What lies on another LV is not told. */
function missingRanges({ segments }: LogicalVolumeEntry, gone: PhysicalVolumeEntry[], extentSectors: number): ByteRange[] {
  const isGone = (pv: string): boolean => gone.some(({ name }) => name === pv);
  return segments.filter((segment) => segment.type === "striped" && segment.stripes.some(({ pv }) => isGone(pv)))
    .map(({ extentCount, startExtent }) => ({ startBytes: startExtent * extentSectors * SECTOR_BYTES, lengthBytes: extentCount * extentSectors * SECTOR_BYTES }));
}

function missingDevice({ id, name, peCount, peStartSector }: PhysicalVolumeEntry, extentSectors: number): Device {
  const source: Source = {
    name: `${name} (${id})`,
    sizeBytes: (peStartSector + peCount * extentSectors) * SECTOR_BYTES,
    read(offsetBytes, lengthBytes) {
      const range = `bytes ${offsetBytes} to ${offsetBytes + lengthBytes - 1}`;
      return Promise.reject(new MkinitrdError({ tried: "reading", on: `${range} of the physical volume ${name} (${id})`, found: "it is missing", next: "name the disk that has it, too" }));
    },
  };
  return { path: name, source };
}

function layerPlanner(metadata: VolumeGroupMetadata, devices: Map<string, Device>): (entry: LogicalVolumeEntry) => LvPlan | undefined {
  const entries = new Map(metadata.logicalVolumes.map((entry) => [entry.name, entry]));
  const snapshots = findSnapshots(metadata);
  const planned = new Map<string, Layer | undefined>();
  /** Of each layer that is being planned, what it lies on. */
  const parents: Map<string, Layer>[] = [];
  const planSegments = segmentPlanner(metadata, { device: partOf, pool: poolOf, slice: sliceOf });
  return (entry) => {
    const top = layer(entry.name);
    if (top === undefined) return undefined;
    const tables = lowerFirst(top);
    return { targets: top.targets, tables, open: () => openTable(`${metadata.name}/${entry.name}`, top.targets, openTarget) };
  };

  /** What a name of the group is mapped to; with a suffix, a layer below it. */
  function layer(lv: string, suffix = ""): Layer | undefined {
    const key = `${lv}${suffix}`;
    if (planned.has(key)) return planned.get(key);
    const entry = entries.get(lv);
    planned.set(key, undefined); // what lies on itself can't be
    if (entry === undefined || parents.length >= MAX_DEPTH) return undefined;
    const below = new Map<string, Layer>();
    parents.push(below);
    const targets = suffix === "" ? visible(entry) : planSegments(entry);
    parents.pop();
    if (targets === undefined || targets.length === 0) return undefined;
    const plan = { name: `${mapperName(metadata.name, lv)}${suffix}`, targets, below: [...below.values()] };
    planned.set(key, plan);
    return plan;
  }

  /** A snapshot's name has the bytes of the snapshot, where its entry has the extents of its store. */
  function visible(entry: LogicalVolumeEntry): Target[] | undefined {
    const lengthSectors = sectorsOf(entry);
    if (entry.segments.some((segment) => segment.type === "other" && typeOf(segment.segmentType) === "thin-pool")) {
      const device = deviceOf(entry.name, "-tpool");
      return device && [{ type: "linear", startSector: 0, lengthSectors, device, deviceSector: 0 }];
    }
    const origin = (name: string): Device | undefined => deviceOf(name, "-real");
    const store = snapshots.ofStore.get(entry.name);
    if (store !== undefined) return snapshot("snapshot", store.origin, entry.name, store.chunkSectors);
    const merging = snapshots.mergingInto.get(entry.name);
    if (merging !== undefined) return snapshot("snapshot-merge", entry.name, merging.store, merging.chunkSectors);
    if (!snapshots.origins.has(entry.name)) return planSegments(entry);
    const device = origin(entry.name);
    return device && [{ type: "snapshot-origin", startSector: 0, lengthSectors, device }];

    function snapshot(type: "snapshot" | "snapshot-merge", from: string, storeName: string, chunkSectors: number): Target[] | undefined {
      const [originEntry, originDevice, storeDevice] = [entries.get(from), origin(from), deviceOf(storeName, "-cow")];
      if (originEntry === undefined || originDevice === undefined || storeDevice === undefined) return undefined;
      return [{ type, startSector: 0, lengthSectors: sectorsOf(originEntry), origin: originDevice, store: storeDevice, persistence: "P", chunkSectors, features: [] }];
    }
  }

  function sectorsOf({ segments }: LogicalVolumeEntry): number {
    return segments.reduce((sum, { extentCount }) => sum + extentCount, 0) * metadata.extentSectors;
  }

  function partOf(name: string): Device | undefined {
    return devices.get(name) ?? deviceOf(name);
  }

  /** The pool of thin volumes, under LVM's own name for the device that they lie on. */
  function poolOf(name: string): Device | undefined {
    const device = deviceOf(name, "-tpool");
    const [target] = layer(name, "-tpool")?.targets ?? [];
    return device === undefined || target?.type !== "thin-pool" ? undefined : { path: device.path, pool: target, get source() { return device.source; } };
  }

  /** LVM's two devices over an LV that is a whole cache; lib/activate/dev_manager.c, _add_cvol_subdev_to_dtree. */
  function sliceOf(lv: string, suffix: string, startSector: number, lengthSectors: number): Device | undefined {
    const whole = layer(lv);
    const entry = entries.get(lv);
    if (whole === undefined || entry === undefined || startSector + lengthSectors > sectorsOf(entry) || lengthSectors === 0) return undefined;
    const name = `${whole.name}${suffix}`;
    const device = deviceFor(whole);
    const plan: Layer = { name, targets: [{ type: "linear", startSector: 0, lengthSectors, device, deviceSector: startSector }], below: [whole] };
    parents.at(-1)?.set(name, plan);
    return deviceFor(plan);
  }

  function deviceOf(lv: string, suffix = ""): Device | undefined {
    const plan = layer(lv, suffix);
    if (plan === undefined) return undefined;
    parents.at(-1)?.set(plan.name, plan);
    return deviceFor(plan);
  }

  function deviceFor(plan: Layer): Device {
    let opened: Source | undefined;
    // Opened when the target above it is: what is wrong with it is said then.
    return { path: `/dev/mapper/${plan.name}`, get source() { return (opened ??= openTable(plan.name, plan.targets, openTarget)); } };
  }
}

/** Every device once, none before one that it lies on. */
function lowerFirst(top: Layer): LvTable[] {
  const found = new Map<string, LvTable>();
  const visit = ({ below, name, targets }: Layer): void => {
    if (found.has(name)) return;
    for (const each of below) visit(each);
    found.set(name, { name, targets });
  };
  visit(top);
  return [...found.values()];
}
