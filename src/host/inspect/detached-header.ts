import { resolve } from "node:path";
import { MkinitrdError } from "../../core/errors.ts";
import { listVolumes } from "../../core/volumes/describe.ts";
import { findVolumes } from "../../core/volumes/match.ts";
import type { Volume } from "../../core/volumes/types.ts";
import { openDisk } from "./disks.ts";
import type { DetachedHeader } from "./unlock-luks.ts";
import type { HeaderWish } from "./wishes.ts";

/** A header to read, and the volume that it is, where it is one. */
export interface OpenedHeader extends DetachedHeader {
  volume?: Volume;
  close(): Promise<void>;
}

/** Opens the header that is named: a volume of the disks, or a file. The spec of a boot names a partition by its PARTUUID. */
export async function openDetachedHeader({ header }: HeaderWish, volumes: Volume[]): Promise<OpenedHeader> {
  const found = findVolumes(volumes, header);
  const [volume] = found;
  if (found.length > 1) throw new MkinitrdError({ tried: "looking for the LUKS header", on: header, found: `several volumes have this name${listVolumes(found)}`, next: "name one of them as it is shown here" });
  if (volume?.source !== undefined) {
    const option = volume.partition === undefined ? (volume.path ?? volume.name) : `PARTUUID=${volume.partition.partUuid}`;
    return { source: volume.source, volume, option, close: () => Promise.resolve() };
  }
  const source = await openDisk(header);
  return { source: { ...source, name: header }, option: resolve(header), close: async () => source.close?.() };
}
