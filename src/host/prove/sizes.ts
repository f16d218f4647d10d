import type { Content } from "../qemu/recipe.ts";

export const MIB = 1024 * 1024;
/** With room for a root of busybox: the least that mkfs makes, and some. */
const FILESYSTEM_MIB: Record<string, number> = { ext4: 64, xfs: 320, btrfs: 160, squashfs: 32, erofs: 32 };
const EMPTY_MIB = 16;
/** What a container takes for itself; LUKS2's header is 16 MiB, LVM's metadata 1 MiB and its extents 4. */
const OVERHEAD_MIB = { luks: 20, tcrypt: 4, pv: 16, md: 8 };
/** A detached LUKS2 header is 16 MiB. */
const HEADER_MIB = 20;
/** What a hidden volume's outer one has for itself. */
const OUTER_MIB = 4;
const SECTOR_BYTES = 512;

type Groups = ReadonlyMap<string, readonly { content: Content | undefined }[]>;

/** How large a device has to be for a content, in bytes: whole MiB. A group has room for all its volumes on each of its physical ones. */
export function contentBytes(content: Content | undefined, groups: Groups, arrays: readonly { name: string; content: Content | undefined }[] = []): number {
  if (content === undefined) return EMPTY_MIB * MIB;
  switch (content.kind) {
    case "filesystem":
      return (FILESYSTEM_MIB[content.fstype] ?? EMPTY_MIB) * MIB;
    case "luks":
      return OVERHEAD_MIB.luks * MIB + contentBytes(content.content, groups, arrays);
    case "plain":
      return Math.ceil((content.offsetSectors * SECTOR_BYTES) / MIB) * MIB + contentBytes(content.content, groups, arrays);
    case "veracrypt":
      return (OVERHEAD_MIB.tcrypt + (content.hidden ? OUTER_MIB : 0)) * MIB + contentBytes(content.content, groups, arrays);
    case "tcrypt":
      return (OVERHEAD_MIB.tcrypt + (content.hidden === undefined ? 0 : OUTER_MIB)) * MIB + contentBytes((content.isProtected ? content : (content.hidden ?? content)).content, groups, arrays);
    case "header":
      return HEADER_MIB * MIB;
    case "pv":
      return (groups.get(content.vg) ?? []).reduce((sum, volume) => sum + contentBytes(volume.content, groups, arrays), OVERHEAD_MIB.pv * MIB);
    case "md":
      return OVERHEAD_MIB.md * MIB + contentBytes(arrays.find(({ name }) => name === content.array)?.content, groups, arrays);
    default:
      return EMPTY_MIB * MIB;
  }
}

/** Tells the containers that have to know it how large they are, when all that lies in them is known. */
export function settleSizes(contents: readonly Content[], groups: Groups, arrays: readonly { name: string; content: Content | undefined }[]): void {
  for (const content of contents) {
    if (content.kind === "veracrypt") content.sizeBytes = contentBytes(content, groups, arrays);
    if (content.kind === "tcrypt" && content.hidden !== undefined && !content.isProtected) content.hidden.sizeBytes = contentBytes(content.hidden.content, groups, arrays) + MIB;
  }
}
