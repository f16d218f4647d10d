import type { Content } from "../qemu/recipe.ts";

export const MIB = 1024 * 1024;
/** With room for a root of busybox: the least that mkfs makes, and some. */
const FILESYSTEM_MIB: Record<string, number> = { ext4: 64, xfs: 320, btrfs: 160, squashfs: 32, erofs: 32 };
const EMPTY_MIB = 16;
/** What a container takes for itself; LUKS2's header is 16 MiB, LVM's metadata 1 MiB and its extents 4. */
const OVERHEAD_MIB = { luks: 20, tcrypt: 4, pv: 16, md: 8 };

type Groups = ReadonlyMap<string, readonly { content: Content | undefined }[]>;

/** How large a device has to be for a content, in bytes: whole MiB. A group has room for all its volumes on each of its physical ones. */
export function contentBytes(content: Content | undefined, groups: Groups, arrays: readonly { name: string; content: Content | undefined }[] = []): number {
  if (content === undefined) return EMPTY_MIB * MIB;
  switch (content.kind) {
    case "filesystem":
      return (FILESYSTEM_MIB[content.fstype] ?? EMPTY_MIB) * MIB;
    case "luks":
    case "tcrypt":
      return OVERHEAD_MIB[content.kind] * MIB + contentBytes(content.content, groups, arrays);
    case "pv":
      return (groups.get(content.vg) ?? []).reduce((sum, volume) => sum + contentBytes(volume.content, groups, arrays), OVERHEAD_MIB.pv * MIB);
    case "md":
      return OVERHEAD_MIB.md * MIB + contentBytes(arrays.find(({ name }) => name === content.array)?.content, groups, arrays);
    default:
      return EMPTY_MIB * MIB;
  }
}
