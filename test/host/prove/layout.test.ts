import { expect, test } from "vitest";
import { parseRealroot } from "../../../src/core/realroot/stage.ts";
import { readKinds } from "../../../src/host/config/kinds.ts";
import { layoutFor } from "../../../src/host/prove/layout.ts";
import type { Content, Recipe } from "../../../src/host/qemu/recipe.ts";

const UUID = "7a4d6f1e-1a55-4f0e-9a6c-2b1f6d3c8e04";
const OTHER = "2f1c7c5e-7e9e-4d6d-8f3e-0d9b1d0a6c07";
const kinds = await readKinds();
const layout = (spec: string) => layoutFor(parseRealroot(spec, kinds));

/** What lies in what, on one line. */
function describe({ disks, arrays, volumeGroups }: Recipe): string {
  const content = (one: Content | undefined): string => {
    if (one === undefined) return "-";
    const tags = "uuid" in one ? [one.label, one.uuid].filter(Boolean).join(" ") : "";
    switch (one.kind) {
      case "filesystem":
        return [one.fstype, tags, one.subvolume].filter(Boolean).join(" ");
      case "luks":
      case "tcrypt":
        return `${[one.kind, tags].filter(Boolean).join(" ")}(${content(one.content)})`;
      case "pv":
        return `pv ${one.vg}`;
      case "md":
        return `md ${one.array}`;
      default:
        return one.kind;
    }
  };
  return [
    ...disks.map(({ table, content: whole }) => (table === undefined ? content(whole) : `[${table.partitions.map(({ label, uuid, content: inner }) => [label, uuid, content(inner)].filter(Boolean).join(" ")).join(", ")}]`)),
    ...arrays.map((array) => `${array.name}=${content(array.content)}`),
    ...volumeGroups.map(({ name, logicalVolumes }) => `${name}{${logicalVolumes.map((volume) => `${volume.name}: ${content(volume.content)}`).join(", ")}}`),
  ].join(" ");
}

test.each([
  [`local:xfs:UUID=${UUID}`, `[xfs ${UUID}]`],
  ["local:btrfs:LABEL=tank@@home", "[btrfs tank @home]"],
  ["local:auto:PARTLABEL=root", "[root ext4]"],
  [`local:ext4:PARTUUID=${UUID}`, `[${UUID} ext4]`],
  ["local:ext4:/dev/sdb3", "- [-, -, ext4]"],
  ["local:ext4:/dev/vda", "ext4"],
  [`crypt:ext4:UUID=${UUID}:root`, `[luks ${UUID}(ext4)]`],
  [`crypt:none:UUID=${UUID}:pv0 lvm:ext4:vg00/lv0`, `[luks ${UUID}(pv vg00)] vg00{lv0: ext4}`],
  [`crypt:none:UUID=${UUID}:a crypt:none:UUID=${OTHER}:b lvm:ext4:vg00/lv0`, `[luks ${UUID}(pv vg00), luks ${OTHER}(pv vg00)] vg00{lv0: ext4}`],
  [`crypt:none:/dev/vda2:pv0 local:ext4:UUID=${OTHER}`, `[-, luks(ext4 ${OTHER})]`],
  [`crypt:none:/dev/vda2:outer local:ext4:/dev/mapper/outer`, "[-, luks(ext4)]"],
  [`crypt:none:/dev/vda2:pv0 local:ext4:/dev/mapper/my--vg-lv0`, "[-, luks(pv my-vg)] my-vg{lv0: ext4}"],
  ["crypt:ext4:/dev/vg00/lv0:root", "[pv vg00] vg00{lv0: luks(ext4)}"],
  ["lvm:none:vg00/lv0 crypt:ext4:/dev/vg00/lv0:root", "[pv vg00] vg00{lv0: luks(ext4)}"],
  ["md:none:pool lvm:xfs:vg/root", "[md pool, md pool] pool=pv vg vg{root: xfs}"],
  ["crypt:none:/dev/md/pool:pv0 lvm:xfs:vg/root", "[md pool, md pool] pool=luks(pv vg) vg{root: xfs}"],
  ["tcplay:ext4:/dev/vda1:root", "[tcrypt(ext4)]"],
])("%s", (spec, expected) => {
  const { recipe } = layout(spec);
  expect(describe(recipe)).toBe(expected);
  for (const { sizeBytes, table } of recipe.disks) expect((table?.partitions ?? []).reduce((sum, partition) => sum + partition.sizeBytes!, 0)).toBeLessThan(sizeBytes);
});

test("names of disks say which driver they want, and a key file that nothing can open is told of", () => {
  expect(layout("local:ext4:/dev/nvme0n1p2").nodes).toBe("nvme");
  expect(layout("local:ext4:/dev/sda2").nodes).toBe("scsi");
  expect(layout("local:ext4:LABEL=root").nodes).toBeUndefined();
  expect(layout("crypt:ext4:/dev/vda2:root:keyfile=/etc/root.key").notes).toEqual([expect.stringMatching(/^\/dev\/vda2 is opened by a passphrase/)]);
});

test.each([
  ["local:ext4:SERIAL=abc", "says nothing of where it lies"],
  ["local:ext4:/dev/disk/by-id/ata-x-part2", "says nothing of where it lies"],
  ["local:f2fs:/dev/vda2", "a root of f2fs can't be made here"],
  ["local:ext4:UUID=4D4B-4901", "no UUID of a filesystem for a root"],
  ["crypt:ext4:/dev/vda2:root:header=/dev/vda3", "the option header"],
  ["crypt:ext4:/dev/vda2:root:type=plain", "the option type"],
  ["crypt:none:/dev/sda1:a crypt:none:/dev/nvme0n1p1:b lvm:ext4:vg/lv", "2 kinds of names"],
])("%s can't be copied, and a disk of one's own is named as the way out", (spec, found) => {
  expect(() => layout(spec)).toThrow(found);
  expect(() => layout(spec)).toThrow("--test-disk FILE");
});
