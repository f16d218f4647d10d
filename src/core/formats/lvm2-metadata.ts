import { SECTOR_BYTES } from "../binary/source.ts";
import { MkinitrdError } from "../errors.ts";
import { quote } from "../quote.ts";
import { parseLvmText } from "./lvm2-text.ts";
import type { ConfigSection, ConfigValue } from "./lvm2-text.ts";

/** No disk has more: beyond it, bytes are no exact numbers. */
const MAX_SECTORS = Number.MAX_SAFE_INTEGER / SECTOR_BYTES;

/** A volume group, as one copy of its metadata text says. Names and UUIDs as LVM prints them. */
export interface VolumeGroupMetadata {
  id: string;
  name: string;
  /** Grows by one with every change: the copy with the highest is the newest. */
  seqno: number;
  extentSectors: number;
  status: string[];
  flags: string[];
  physicalVolumes: PhysicalVolumeEntry[];
  logicalVolumes: LogicalVolumeEntry[];
}

export interface PhysicalVolumeEntry {
  /** The name that segments use: `pv0`. */
  name: string;
  id: string;
  peStartSector: number;
  peCount: number;
  /** `MISSING`: LVM ran without it, what it holds is old. */
  flags: string[];
}

export interface LogicalVolumeEntry {
  name: string;
  id: string;
  /** `READ`, `WRITE`, `VISIBLE`: an LV without the last is a part of another. */
  status: string[];
  flags: string[];
  /** In the order of the LV's extents, without a gap. */
  segments: Segment[];
}

/** A run of extents of an LV. Extents count from the LV's start. */
export type Segment = StripedSegment | OtherSegment;

/** Linear, with one stripe, or striped over several. */
export interface StripedSegment {
  type: "striped";
  startExtent: number;
  extentCount: number;
  stripeCount: number;
  /** Zero for one stripe. */
  stripeSizeSectors: number;
  /** Where each stripe begins: an extent of a PV, or of another LV where `pv` names none of the PVs. */
  stripes: { pv: string; startExtent: number }[];
}

/** A segment of any other type, with its values as they stand: `raid1`, `thin`, `mirror`, … */
export interface OtherSegment {
  type: "other";
  segmentType: string;
  startExtent: number;
  extentCount: number;
  values: ConfigSection;
}

/**
 * Reads the metadata text of a volume group and checks it: types, ranges, segments without gap or overlap. The form is
 * that of lvm2 lib/format_text/import_vsn1.c. `from` says where the text lies, for errors.
 */
export function parseVolumeGroup(text: string, from: string): VolumeGroupMetadata {
  const top = parseLvmText(text, from);
  const values = new Values(top, from, "the text");
  if (values.string("contents") !== "Text Format Volume Group" || values.number("version") !== 1) {
    throw failure(from, `contents is ${quote(values.string("contents"))} of version ${values.number("version")}`);
  }
  const name = Object.keys(top).find((key) => isSection(top[key]));
  if (name === undefined) throw failure(from, "no section of a volume group");
  const group = values.section(name);
  const metadata = {
    id: group.string("id"),
    name,
    seqno: group.number("seqno"),
    extentSectors: group.number("extent_size"),
    status: group.words("status"),
    flags: group.words("flags"),
    physicalVolumes: group.sections("physical_volumes").map(physicalVolume),
    logicalVolumes: group.sections("logical_volumes").map(logicalVolume),
  };
  checkSizes(metadata, from);
  return metadata;
}

/** So that every product of extents and sectors below is exact. */
function checkSizes({ extentSectors, logicalVolumes, physicalVolumes }: VolumeGroupMetadata, from: string): void {
  if (extentSectors === 0) throw failure(from, "extent_size is 0");
  for (const { name, peCount, peStartSector } of physicalVolumes) {
    const endSector = peStartSector + peCount * extentSectors;
    if (endSector > MAX_SECTORS) throw failure(from, `${quote(name)} has ${peCount} extents of ${extentSectors} sectors`);
  }
  for (const { name, segments } of logicalVolumes) {
    const extents = segments.reduce((sum, { extentCount }) => sum + extentCount, 0);
    if (extents * extentSectors > MAX_SECTORS) throw failure(from, `${quote(name)} has ${extents} extents of ${extentSectors} sectors`);
  }
}

function physicalVolume(values: Values): PhysicalVolumeEntry {
  return {
    name: values.name,
    id: values.string("id"),
    peStartSector: values.number("pe_start"),
    peCount: values.number("pe_count"),
    flags: values.words("flags"),
  };
}

function logicalVolume(values: Values): LogicalVolumeEntry {
  const count = values.number("segment_count");
  const segments: Segment[] = [];
  let nextExtent = 0;
  for (let index = 1; index <= count; index++) {
    const parsed = segment(values.section(`segment${index}`));
    if (parsed.startExtent !== nextExtent || parsed.extentCount === 0) {
      throw values.failure(`segment${index} has ${parsed.extentCount} extents from ${parsed.startExtent} on, ${nextExtent} was next`);
    }
    nextExtent = parsed.startExtent + parsed.extentCount;
    segments.push(parsed);
  }
  return { name: values.name, id: values.string("id"), status: values.words("status"), flags: values.words("flags"), segments };
}

function segment(values: Values): Segment {
  const startExtent = values.number("start_extent");
  const extentCount = values.number("extent_count");
  const segmentType = values.string("type");
  if (segmentType !== "striped") return { type: "other", segmentType, startExtent, extentCount, values: values.raw };

  const stripeCount = values.number("stripe_count");
  const stripeSizeSectors = stripeCount > 1 ? values.number("stripe_size") : 0;
  const stripes = stripePairs(values);
  if (stripeCount === 0 || stripes.length !== stripeCount) {
    throw values.failure(`stripe_count is ${stripeCount}, stripes lists ${stripes.length}`);
  }
  if (stripeCount > 1 && stripeSizeSectors === 0) throw values.failure("stripe_size is 0");
  if (extentCount % stripeCount !== 0) {
    throw values.failure(`${extentCount} extents can't be shared by ${stripeCount} stripes`);
  }
  return { type: "striped", startExtent, extentCount, stripeCount, stripeSizeSectors, stripes };
}

/** `stripes = ["pv0", 20, "pv1", 0]` */
function stripePairs(values: Values): { pv: string; startExtent: number }[] {
  const list = values.list("stripes");
  return Array.from({ length: Math.ceil(list.length / 2) }, (_, index) => {
    const [pv, startExtent] = list.slice(2 * index, 2 * index + 2);
    if (typeof pv === "string" && isCount(startExtent)) return { pv, startExtent };
    throw values.failure("stripes is no list of names and extents");
  });
}

/** The keys of one section, each read as the type that it must have. */
class Values {
  readonly raw: ConfigSection;
  readonly name: string;
  private readonly from: string;

  constructor(raw: ConfigSection, from: string, name: string) {
    this.raw = raw;
    this.from = from;
    this.name = name;
  }

  string(key: string): string {
    const value = this.raw[key];
    if (typeof value === "string") return value;
    throw this.failure(`${key} ${value === undefined ? "is missing" : "is no string"}`);
  }

  /** A whole number, from zero. */
  number(key: string): number {
    const value = this.raw[key];
    if (isCount(value)) return value;
    throw this.failure(`${key} ${value === undefined ? "is missing" : "is no whole number from 0"}`);
  }

  /** An array, or a lone value as an array of one. Absent means empty: old metadata has no flags. */
  list(key: string): (string | number)[] {
    const value = this.raw[key];
    if (value === undefined) return [];
    if (isSection(value)) throw this.failure(`${key} is a section`);
    return Array.isArray(value) ? value : [value];
  }

  words(key: string): string[] {
    return this.list(key).map(String);
  }

  section(key: string): Values {
    const value = this.raw[key];
    if (isSection(value)) return new Values(value, this.from, key);
    throw this.failure(`${quote(key)} ${value === undefined ? "is missing" : "is no section"}`);
  }

  /** The subsections of a section, by name; an absent one has none. */
  sections(key: string): Values[] {
    if (this.raw[key] === undefined) return [];
    const parent = this.section(key);
    return Object.keys(parent.raw).filter((child) => isSection(parent.raw[child])).map((child) => parent.section(child));
  }

  failure(found: string): MkinitrdError {
    return failure(this.from, `in ${quote(this.name)}, ${found}`);
  }
}

function isSection(value: ConfigValue | ConfigSection | undefined): value is ConfigSection {
  return typeof value === "object" && !Array.isArray(value);
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

function failure(from: string, found: string): MkinitrdError {
  return new MkinitrdError({ tried: "reading LVM2 metadata", on: from, found });
}
