import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { parseFstab } from "../../../src/core/formats/fstab.ts";
import { parseCrypttab } from "../../../src/core/realroot/crypttab.ts";
import { formatRealroot } from "../../../src/core/realroot/stage.ts";
import { checkConfigRealroot, readConfig } from "../../../src/host/config/config.ts";
import { readKinds } from "../../../src/host/config/kinds.ts";
import { configText } from "../../../src/host/init/config-text.ts";
import { type BlockDevice, parseLsblk } from "../../../src/host/init/lsblk.ts";
import { rootStack } from "../../../src/host/init/stack.ts";
import { packageRoot } from "../../../src/host/package-root.ts";
import { readRecipe } from "../../../src/host/qemu/recipe-schema.ts";

const kinds = await readKinds();

interface Given {
  devices: BlockDevice[];
  fstab?: string;
  crypttab?: string;
  dm?: Record<string, string>;
  subvolume?: string;
}
const facts = ({ devices, fstab = "", crypttab = "", dm = {}, subvolume }: Given) =>
  ({ devices, fstab: parseFstab(fstab).entries, crypttab: parseCrypttab(crypttab, kinds), dmUuid: (kname: string) => dm[kname], ...(subvolume === undefined ? {} : { subvolume }) });
const stackOf = (given: Given) => rootStack(facts(given));
const spec = (given: Given) => formatRealroot(stackOf(given).stages, kinds);

/** A device as lsblk lists it. */
const device = (name: string, type: string, more: Partial<BlockDevice> = {}): BlockDevice =>
  ({ name, kname: name, type, fstype: undefined, uuid: undefined, label: undefined, partuuid: undefined, mountpoints: [], children: [], ...more });
const UUID = "7a4d6f1e-1a55-4f0e-9a6c-2b1f6d3c8e04";

test("a Debian as its installer lays it out: what lsblk lists there, its fstab and crypttab give the spec that boots it", () => {
  const recipe = readRecipe(join(packageRoot(), "images/debian.yaml"));
  const files = recipe.volumeGroups.flatMap(({ logicalVolumes }) => logicalVolumes).flatMap(({ content }) => (content?.kind === "filesystem" && content.root?.kind === "debian" ? content.root.files : []));
  const text = (path: string) => files.find((file) => file.path === path)!.text;
  const listed = parseLsblk(readFileSync(join(import.meta.dirname, "lsblk-debian.json"), "utf8")); // lsblk's own output in that guest
  const given = { devices: listed, fstab: text("/etc/fstab"), crypttab: text("/etc/crypttab") };
  expect(spec(given)).toBe(recipe.realroot);
  expect(stackOf(given).reasons).toEqual([
    expect.stringMatching(/^\/dev\/mapper\/vda4_crypt is LUKS on \/dev\/vda4, with the options that \/etc\/crypttab gives it$/),
    expect.stringMatching(/^\/dev\/mapper\/debian--vg-root is a logical volume; it is mounted at \/$/),
  ]);
});

test.each<[string, Given, string]>([
  ["a partition", { devices: [device("/dev/sda", "disk", { children: [device("/dev/sda1", "part", { fstype: "ext4", uuid: UUID, mountpoints: ["/"] })] })] }, `local:ext4:UUID=${UUID}`],
  ["LUKS on a partition", { devices: [device("/dev/sda1", "part", { fstype: "crypto_LUKS", uuid: UUID, children: [device("/dev/mapper/root", "crypt", { fstype: "xfs", mountpoints: ["/"] })] })] }, `crypt:xfs:UUID=${UUID}:root`],
  ["a btrfs subvolume", { devices: [device("/dev/sda1", "part", { fstype: "btrfs", uuid: UUID, mountpoints: ["/home", "/"] })], fstab: `UUID=${UUID} / btrfs subvol=/@root,noatime 0 0` }, `local:btrfs:UUID=${UUID}@%40root`],
  ["a btrfs subvolume that only the mount tells", { devices: [device("/dev/sda1", "part", { fstype: "btrfs", uuid: UUID, mountpoints: ["/"] })], subvolume: "/@" }, `local:btrfs:UUID=${UUID}@%40`],
  ["LVM on two LUKS volumes", {
    devices: [1, 2].map((n) => device(`/dev/sda${n}`, "part", { fstype: "crypto_LUKS", uuid: UUID.replace(/4$/, String(n)), children: [
      device(`/dev/mapper/pv${n}`, "crypt", { fstype: "LVM2_member", children: [device("/dev/mapper/my--vg-root", "lvm", { fstype: "ext4", mountpoints: ["/"] })] }),
    ] })),
  }, `crypt:none:UUID=${UUID.replace(/4$/, "1")}:pv1 crypt:none:UUID=${UUID.replace(/4$/, "2")}:pv2 lvm:ext4:my-vg/root`],
  ["a RAID of LVM's, with the volumes that it keeps below", {
    devices: [1, 2].map((n) => device(`/dev/sda${n}`, "part", { fstype: "LVM2_member", children: [`rimage_${n}`, `rmeta_${n}`].map((name) =>
      device(`/dev/mapper/vg-root_${name}`, "lvm", { children: [device("/dev/mapper/vg-root", "lvm", { fstype: "ext4", mountpoints: ["/"] })] })) })),
  }, "lvm:ext4:vg/root"],
  ["the origin of a snapshot", {
    devices: [device("/dev/sda1", "part", { fstype: "LVM2_member", children: [device("/dev/mapper/vg-root-real", "lvm", { children: [device("/dev/mapper/vg-root", "lvm", { fstype: "ext4", mountpoints: ["/"] })] })] })],
  }, "lvm:ext4:vg/root"],
  ["a thin volume", {
    devices: [device("/dev/sda1", "part", { fstype: "LVM2_member", children: ["tmeta", "tdata"].map((name) => device(`/dev/mapper/vg-pool_${name}`, "lvm", { children: [
      device("/dev/mapper/vg-pool-tpool", "lvm", { children: [device("/dev/mapper/vg-root", "lvm", { fstype: "ext4", mountpoints: ["/"] })] })] })) })],
  }, "lvm:ext4:vg/root"],
  ["a group on a volume of another group", {
    devices: [device("/dev/sda1", "part", { fstype: "LVM2_member", children: [device("/dev/mapper/below-pv", "lvm", { fstype: "LVM2_member", children: [device("/dev/mapper/vg-root", "lvm", { fstype: "ext4", mountpoints: ["/"] })] })] })],
  }, "lvm:none:below/pv lvm:ext4:vg/root"],
  ["a btrfs on two LUKS volumes, of which one is listed as mounted", {
    devices: [1, 2].map((n) => device(`/dev/sda${n}`, "part", { fstype: "crypto_LUKS", uuid: UUID.replace(/4$/, String(n)), children: [
      device(`/dev/mapper/data${n}`, "crypt", { fstype: "btrfs", uuid: UUID, mountpoints: n === 1 ? ["/"] : [] }),
    ] })),
  }, `crypt:none:UUID=${UUID.replace(/4$/, "2")}:data2 crypt:btrfs:UUID=${UUID.replace(/4$/, "1")}:data1`],
  ["LUKS whose header is elsewhere", { devices: [device("/dev/sda1", "part", { partuuid: "p-1", children: [device("/dev/mapper/root", "crypt", { kname: "/dev/dm-0", fstype: "ext4", mountpoints: ["/"] })] })], dm: { "/dev/dm-0": "CRYPT-LUKS2-0123-root" } }, "crypt:ext4:PARTUUID=p-1:root"],
  ["an array below LUKS", { devices: [device("/dev/sda1", "part", { fstype: "linux_raid_member", children: [device("/dev/md0", "raid1", { fstype: "crypto_LUKS", uuid: UUID, children: [device("/dev/mapper/root", "crypt", { fstype: "ext4", mountpoints: ["/"] })] })] })] }, `crypt:ext4:UUID=${UUID}:root`],
  ["VeraCrypt", { devices: [device("/dev/sda1", "part", { partuuid: "p-1", children: [device("/dev/mapper/root", "crypt", { kname: "/dev/dm-0", fstype: "ext4", mountpoints: ["/"] })] })], dm: { "/dev/dm-0": "CRYPT-TCRYPT-root" } }, "tcplay:ext4:PARTUUID=p-1:root"],
  ["what fstab says, where nothing is mounted", { devices: [device("/dev/sda1", "part", { fstype: "ext4", uuid: UUID })], fstab: `UUID=${UUID} / ext4 defaults 0 1` }, `local:ext4:UUID=${UUID}`],
])("%s", (_about, given, expected) => {
  expect(spec(given)).toBe(expected);
});

test("a root that nobody knows is an error, with what fstab says", () => {
  expect(() => stackOf({ devices: [] })).toThrow(/nothing that lsblk lists is mounted at \/, and \/etc\/fstab has no line for it/);
  expect(() => stackOf({ devices: [], fstab: "UUID=x / ext4 defaults 0 1" })).toThrow(/on UUID=x: lsblk lists no such device/);
});

const encrypted = (below: Partial<BlockDevice> = { fstype: "crypto_LUKS", uuid: UUID }) =>
  [device("/dev/sda1", "part", { ...below, children: [device("/dev/mapper/root", "crypt", { kname: "/dev/dm-0", fstype: "ext4", mountpoints: ["/"] })] })];

test("what a crypttab has that can't be used is to be done: about the root, else all; without an encrypted root nothing", () => {
  const crypttab = `root UUID=${UUID} key.bin luks\nhome UUID=x none bitlk`;
  expect(stackOf({ devices: encrypted(), crypttab }).notes).toEqual([expect.stringMatching(/^\/etc\/crypttab line 1: "root": the key file "key\.bin" can't be read here/)]);
  expect(stackOf({ devices: encrypted(), crypttab: "home UUID=x none bitlk" }).notes).toEqual([expect.stringMatching(/^\/etc\/crypttab line 1: "home" can't be opened here: bitlk/)]);
  expect(stackOf({ devices: [device("/dev/sda1", "part", { fstype: "ext4", uuid: UUID, mountpoints: ["/"] })], crypttab }).notes).toEqual([]);
});

test("a header that is elsewhere is asked for; one that is a file has to be packed, one on a device not", () => {
  const below = { partuuid: "p-1" };
  const notes = (crypttab: string) => stackOf({ devices: encrypted(below), dm: { "/dev/dm-0": "CRYPT-LUKS2-0123-root" }, crypttab }).notes;
  expect(notes("")).toEqual([expect.stringMatching(/^no LUKS header is to be seen on PARTUUID=p-1.*add header=PATH or header=DEVICE/)]);
  expect(notes("root PARTUUID=p-1 none luks,header=/etc/root.header")).toEqual([expect.stringMatching(/^the header \/etc\/root\.header of PARTUUID=p-1 is not in the image: `files: \[\{from: \/etc\/root\.header,/)]);
  expect(notes("root PARTUUID=p-1 none luks,header=/dev/disk/by-partlabel/header")).toEqual([]);
});

test("/usr on a volume that no stage opens is to be done; on a logical volume the image needs lvm", () => {
  const usr = device("/dev/sdb1", "part", { fstype: "crypto_LUKS", uuid: "b-1", children: [device("/dev/mapper/usr", "crypt", { fstype: "ext4", uuid: "u-1" })] });
  const { notes, stages } = stackOf({ devices: [...encrypted(), usr], fstab: "UUID=u-1 /usr ext4 defaults 0 2" });
  expect(notes).toEqual([expect.stringMatching(/^\/usr \(\/etc\/fstab line 1\) lies on a volume that no stage of the root opens \(\/dev\/mapper\/usr is LUKS on \/dev\/sdb1\).*docs\/mounting\.md$/)]);
  expect(stages).toHaveLength(1);
  const volume = device("/dev/sdb1", "part", { fstype: "LVM2_member", children: [device("/dev/mapper/vg-usr", "lvm", { fstype: "ext4" })] });
  expect(stackOf({ devices: [...encrypted(), volume], fstab: "/dev/vg/usr /usr ext4 defaults 0 2" })).toMatchObject({ notes: [], alsoKinds: [{ kind: "lvm", reason: expect.stringMatching(/\/dev\/mapper\/vg-usr is a logical volume; \/etc\/fstab line 1 mounts it at \/usr/) as string }] });
});

test("stages that are no spec are an error, and nothing is written", () => {
  const stack = stackOf({ devices: [device("/dev/sda1", "part", { fstype: "LVM2_member", children: [device("/dev/mapper/odd", "lvm", { fstype: "ext4", mountpoints: ["/"] })] })] });
  expect(() => configText({ stack, kinds, schemaLine: "#", output: "/boot/x" })).toThrow(/writing the realroot of this machine on lvm \/: it is no spec that can be read/);
});

test("the configuration that is written is one that can be read, with the realroot, the kinds and what is still to be done", async () => {
  const directory = mkdtempSync(join(tmpdir(), "mkinitrd-init-"));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  const array = device("/dev/md0", "raid1", { fstype: "crypto_LUKS", uuid: UUID, children: [device("/dev/mapper/root", "crypt", { fstype: "ext4", mountpoints: ["/"] })] });
  const stack = stackOf({ devices: [array], crypttab: `root UUID=${UUID} /etc/root.key luks,discard` });
  const file = join(directory, "mkinitrd.config.yaml");
  const text = configText({ stack, kinds, schemaLine: "# yaml-language-server: $schema=/schema.json", output: "/boot/initrd-mkinitrd.img" });
  expect(text).toMatch(/^# yaml-language-server: \$schema=\/schema\.json\n# What /);
  writeFileSync(file, text);
  const config = await readConfig(file);
  expect(checkConfigRealroot(config, kinds)).toMatchObject([{ kind: "crypt", fstype: "ext4", device: `UUID=${UUID}`, name: "root", options: { discard: true, keyfile: "/etc/root.key" } }]);
  expect(config).toMatchObject({ realroots: ["crypt", "md"], output: "/boot/initrd-mkinitrd.img", keymaps: ["auto"], hostname: "auto" });
  expect(text).toMatch(/^# md: \/dev\/md0 is an array \(raid1\)$/m);
  expect(text).toMatch(/^# TO DO: the key file \/etc\/root\.key is not in the image/m);
});
