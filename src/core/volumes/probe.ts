import type { Source } from "../binary/source.ts";
import { MkinitrdError } from "../errors.ts";
import { probeBitlocker } from "../formats/bitlocker.ts";
import { probeBtrfs } from "../formats/btrfs.ts";
import type { Content } from "../formats/content.ts";
import { probeErofs } from "../formats/erofs.ts";
import { probeExt } from "../formats/ext.ts";
import { probeF2fs } from "../formats/f2fs.ts";
import { probeLuks1 } from "../formats/luks1.ts";
import { luks2KdfMemoryBytes, probeLuks2, reencryptionNote } from "../formats/luks2.ts";
import { probeLvm2 } from "../formats/lvm2.ts";
import { mdContent, probeMd } from "../formats/md.ts";
import { probeSquashfs } from "../formats/squashfs.ts";
import type { Probe } from "../formats/superblock.ts";
import { probeSwap } from "../formats/swap.ts";
import { probeUfs } from "../formats/ufs.ts";
import { probeVfat } from "../formats/vfat.ts";
import { probeXfs } from "../formats/xfs.ts";
import { RARER_FORMATS } from "./rarer-formats.ts";
import type { Formats } from "./rarer-formats.ts";

/**
 * What holds other volumes. A sound one is taken before any filesystem: it may lie over the remains of one. An md member
 * comes first: of a mirror with its superblock at the end, each member looks like what the array holds. BitLocker To Go
 * has the boot sector of a FAT.
 */
const CONTAINERS: Probe[] = [md, luks1, (source) => luks2(source, false), lvm2, probeBitlocker];
const FILESYSTEMS: Probe[] = [probeVfat, probeSwap, probeXfs, probeExt, probeBtrfs, probeF2fs, probeSquashfs, probeErofs, probeUfs];

/** The formats that are asked first, each by itself: see `probe`. */
export const USUAL_PROBES: readonly Probe[] = [...CONTAINERS, (source) => luks2(source, true), ...FILESYSTEMS];

/** Holds every signature and nearly every header: one read of the device in place of twenty. */
const HEAD_BYTES = 72 * 1024;

/**
 * What a source holds; undefined when it is nothing known. Throws when a signature was found with damage behind it, and,
 * as blkid refuses to choose, when there are signatures of several filesystems. The rarer formats are asked when nothing
 * else is there: those given, or those of the early boot; the first that is found is taken. However large the source is, at
 * most 1 MiB is read where nothing is known; a format adds what its own docstring says.
 */
export async function probe(source: Source, formats: Formats = RARER_FORMATS): Promise<Content | undefined> {
  const cached = await withHead(source);
  const containers = await probeAll(CONTAINERS, cached);
  const [container] = containers.found;
  if (container !== undefined) return told(container, source, containers.problems);
  const filesystems = await probeAll(FILESYSTEMS, cached);
  const problems = [...containers.problems, ...filesystems.problems];
  const [first, ...others] = filesystems.found;
  if (first !== undefined && others.length > 0) throw ambivalent(source, filesystems.found);
  if (first !== undefined) return told(first, source, problems);
  // A secondary header may outlive its volume by years, so it is asked when nothing else is there.
  const { found: [remaining], problems: rest } = await probeAll([(from) => luks2(from, true)], cached);
  if (remaining !== undefined) return told(remaining, source, filesystems.problems);
  return probeRarer(cached, source, formats, [...problems, ...rest]);
}

/** The others of the formats that we know, or what was wrong with one of those before or among them. */
async function probeRarer(cached: Source, source: Source, { behindFirstSector, inFirstSector }: Formats, before: MkinitrdError[]): Promise<Content | undefined> {
  const problems = [...before];
  for (const probes of [inFirstSector, behindFirstSector]) {
    for (const probeOne of probes) {
      const { found: [content], problems: own } = await probeAll([probeOne], cached);
      problems.push(...own);
      if (content !== undefined) return told(probes === inFirstSector ? content : { ...content, mayBeRemains: true }, source, problems);
    }
  }
  if (problems[0] !== undefined) throw problems[0];
  return undefined;
}

async function probeAll(probes: Probe[], source: Source): Promise<{ found: Content[]; problems: MkinitrdError[] }> {
  const found: Content[] = [];
  const problems: MkinitrdError[] = [];
  for (const probeOne of probes) {
    try {
      const content = await probeOne(source);
      if (content !== undefined) found.push(content);
    } catch (error) {
      if (!(error instanceof MkinitrdError)) throw error;
      problems.push(error);
    }
  }
  return { found, problems };
}

/** The content with all that is known to be wrong: cut short, or the damaged remains of something else beside it. */
function told(content: Content, source: Source, problems: MkinitrdError[]): Content {
  const damage = [...(content.damage ?? []), ...problems.map(({ message }) => message)];
  if ((content.sizeBytes ?? 0) > source.sizeBytes) {
    damage.push(`cut short: it needs ${content.sizeBytes} bytes, ${source.name} has ${source.sizeBytes}`);
  }
  const { damage: _, ...sound } = content;
  return damage.length === 0 ? sound : { ...sound, damage };
}

function ambivalent(source: Source, found: Content[]): MkinitrdError {
  return new MkinitrdError({
    tried: "probing",
    on: source.name,
    found: `signatures of ${found.map(({ type }) => type).join(" and ")}`,
    next: `remove the one that is left over, from a running system: wipefs ${source.name}`,
  });
}

async function md(source: Source): Promise<Content | undefined> {
  const member = await probeMd(source);
  return member && mdContent(member);
}

async function luks1(source: Source): Promise<Content | undefined> {
  const header = await probeLuks1(source);
  return header && { type: "crypto_LUKS", version: "1", uuid: header.uuid, damage: header.damage };
}

async function luks2(source: Source, secondary: boolean): Promise<Content | undefined> {
  const header = await probeLuks2(source, { secondary });
  if (header === undefined) return undefined;
  const label = header.label === "" ? {} : { label: header.label };
  const kdfMemoryBytes = luks2KdfMemoryBytes(header);
  const reencryption = reencryptionNote(header);
  return { type: "crypto_LUKS", version: "2", uuid: header.uuid, ...label, kdfMemoryBytes, damage: [...header.damage, ...(reencryption === undefined ? [] : [reencryption])] };
}

async function lvm2(source: Source): Promise<Content | undefined> {
  const pv = await probeLvm2(source);
  return pv && { type: "LVM2_member", version: "LVM2 001", uuid: pv.pvUuid, sizeBytes: pv.sizeBytes, damage: pv.damage };
}

/** The source with its first bytes in memory. Where they can't be read at once, each format tries for itself. */
async function withHead(source: Source): Promise<Source> {
  const headBytes = Math.min(HEAD_BYTES, source.sizeBytes);
  const head = await source.read(0, headBytes).catch((error: unknown) => {
    if (!(error instanceof MkinitrdError)) throw error;
    return Buffer.alloc(0);
  });
  return {
    name: source.name,
    sizeBytes: source.sizeBytes,
    async read(offsetBytes, lengthBytes) {
      const inside = offsetBytes >= 0 && lengthBytes >= 0 && offsetBytes + lengthBytes <= head.length;
      return inside ? Buffer.from(head.subarray(offsetBytes, offsetBytes + lengthBytes)) : source.read(offsetBytes, lengthBytes);
    },
  };
}
