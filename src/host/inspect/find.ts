import { MkinitrdError } from "../../core/errors.ts";
import { quote } from "../../core/quote.ts";
import { listVolumes } from "../../core/volumes/describe.ts";
import { findVolumes } from "../../core/volumes/match.ts";
import type { Volume } from "../../core/volumes/types.ts";

/** What a volume is read through: the device that verifies it, where its root hash was given. */
export function verifying(volume: Volume, volumes: readonly Volume[]): Volume {
  return volumes.find(({ name }) => name === volume.verifiedAs) ?? volume;
}

/** The one volume that a name means: as `inspect` shows it, or UUID=, LABEL= and their like. Throws when it is none, or several. */
export function findVolume(volumes: Volume[], wanted: string): Volume {
  const found = findVolumes(volumes, wanted);
  if (found.length === 1) return verifying(found[0]!, volumes);
  throw new MkinitrdError({
    tried: `finding the volume ${quote(wanted)}`, on: "the disks", found: found.length === 0 ? `it is not there; there are${listVolumes(volumes)}` : `several have this name${listVolumes(found)}`,
    next: found.length === 0 ? "name one of these; --unlock looks into LUKS volumes, --tcrypt into one of TrueCrypt or VeraCrypt" : "name the disk that is meant, alone, or use the volume's own name",
  });
}
