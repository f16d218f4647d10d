import type { Source } from "../binary/source.ts";
import { MkinitrdError } from "../errors.ts";
import type { Content } from "./content.ts";
import type { MdMember } from "./md-member.ts";
import { probeMd0 } from "./md0.ts";
import { probeMd1 } from "./md1.ts";

const PROBES = [
  (source: Source) => probeMd1(source, "1.1"),
  (source: Source) => probeMd1(source, "1.2"),
  (source: Source) => probeMd1(source, "1.0"),
  probeMd0,
];

/**
 * The md superblock of a source; undefined when none of its places has one. Of several sound ones (a device that was in
 * another array before) it is that of the array made last, as for mdadm. Throws when the only ones are damaged.
 */
export async function probeMd(source: Source): Promise<MdMember | undefined> {
  const found: MdMember[] = [];
  let damaged: MkinitrdError | undefined;
  for (const probe of PROBES) {
    try {
      const member = await probe(source);
      if (member !== undefined) found.push(member);
    } catch (error) {
      if (!(error instanceof MkinitrdError)) throw error;
      damaged ??= error;
    }
  }
  if (found.length === 0 && damaged !== undefined) throw damaged;
  return found.toSorted((a, b) => b.createdSeconds - a.createdSeconds)[0];
}

/** A member as content of its device, in blkid's words; `uuid` and `label` are the array's. */
export function mdContent({ dataBytes, dataStartBytes, metadata, name, uuid }: MdMember): Content {
  return { type: "linux_raid_member", version: metadata, uuid, ...(name === undefined ? {} : { label: name }), sizeBytes: dataStartBytes + dataBytes };
}
