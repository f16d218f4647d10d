import { expect, test } from "vitest";
import { parseRealroot } from "../../../src/core/realroot/stage.ts";
import { readKinds } from "../../../src/host/config/kinds.ts";
import { layoutFor } from "../../../src/host/prove/layout.ts";
import { allContents } from "../../../src/host/qemu/recipe-check.ts";
import type { Content, Recipe } from "../../../src/host/qemu/recipe.ts";

const UUID = "7a4d6f1e-1a55-4f0e-9a6c-2b1f6d3c8e04";
const OTHER = "2f1c7c5e-7e9e-4d6d-8f3e-0d9b1d0a6c07";
const kinds = await readKinds();
/** Of an image that has every driver and every file but those in /missing. */
const image = { hasFile: (path: string) => !path.startsWith("/missing/"), hasDriver: () => true };
const layout = (spec: string, facts = image) => layoutFor(parseRealroot(spec, kinds), facts);

/** What lies in what, on one line. */
function describe({ disks, arrays, volumeGroups }: Recipe): string {
  const content = (one: Content | undefined): string => {
    if (one === undefined) return "-";
    const tags = "uuid" in one ? [one.label, one.uuid].filter(Boolean).join(" ") : "";
    switch (one.kind) {
      case "filesystem":
        return [one.fstype, tags, one.subvolume, ...Object.keys(one.files)].filter(Boolean).join(" ");
      case "luks":
        return `${["luks", tags, one.header && `in ${one.header}`].filter(Boolean).join(" ")}(${content(one.content)})`;
      case "tcrypt":
        return `${["tcrypt", one.cipher, one.hash, one.destroy, one.keyfiles.length && `${one.keyfiles.length} files`].filter(Boolean).join(" ")}(${one.isProtected ? `beside ${one.hidden!.keyfiles.length} files: ` : one.hidden === undefined ? "" : `hidden ${one.hidden.hash}, ${one.hidden.keyfiles.length} files: `}${content((one.isProtected ? one : (one.hidden ?? one)).content)})`;
      case "veracrypt":
        return `${[one.type, one.hash, one.pim && `pim ${one.pim}`, one.hidden && "hidden", one.system && "system", one.keyfiles.length && `${one.keyfiles.length} files`].filter(Boolean).join(" ")}(${content(one.content)})`;
      case "plain":
        return `plain ${[one.cipher, one.keyBits, one.isKey ? "key" : one.hash, one.offsetSectors, one.skipSectors, one.sectorBytes].join(" ")}(${content(one.content)})`;
      case "pv":
        return `pv ${one.vg}`;
      case "md":
        return `md ${one.array}`;
      case "header":
        return one.name;
      default:
        return one.kind;
    }
  };
  return [
    ...disks.map(({ table, content: whole }) => (table === undefined ? content(whole) : `[${table.partitions.map(({ label, uuid, content: inner }) => [label, uuid, content(inner)].filter(Boolean).join(" ")).join(", ")}]`)),
    ...arrays.map((array) => `${[array.name, array.uuid].filter(Boolean).join(" ")}=${content(array.content)}`),
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
  // Arrays by any name.
  [`md:ext4:UUID=${UUID}`, `[md copy0, md copy0] copy0 ${UUID}=ext4`],
  ["md:ext4:UUID=7A4D6F1E%3A1A554F0E%3A9A6C2B1F%3A6D3C8E04", `[md copy0, md copy0] copy0 ${UUID}=ext4`],
  [`md:none:UUID=${UUID} crypt:none:/dev/md/root:pv0 lvm:ext4:vg/root`, `[md root, md root] root ${UUID}=luks(pv vg) vg{root: ext4}`],
  [`md:none:UUID=${UUID} local:xfs:/dev/md127`, `[md 127, md 127] 127 ${UUID}=xfs`],
  [`md:none:UUID=${UUID} md:none:UUID=${OTHER} lvm:ext4:vg/root`, `[md copy0, md copy0, md copy1, md copy1] copy0 ${UUID}=pv vg copy1 ${OTHER}=pv vg vg{root: ext4}`],
  ["local:ext4:/dev/md0", "[md 0, md 0] 0=ext4"],
  ["md:none:host%3Aroot local:ext4:/dev/md/root", "[md host:root, md host:root] host:root=ext4"],
  [`crypt:ext4:/dev/disk/by-id/md-uuid-7a4d6f1e%3A1a554f0e%3A9a6c2b1f%3A6d3c8e04:root`, `[md copy0, md copy0] copy0 ${UUID}=luks(ext4)`],
  ["local:ext4:/dev/disk/by-id/md-name-host%3Aroot", "[md host:root, md host:root] host:root=ext4"],
  // Detached headers.
  ["crypt:ext4:/dev/vda2:root:header=/dev/vda1", "[detached header 1, luks in detached header 1(ext4)]"],
  [`crypt:ext4:PARTLABEL=payload:root:header=UUID=${UUID}`, `[detached header 1, payload luks ${UUID} in detached header 1(ext4)]`],
  ["crypt:none:/dev/vda:root:header=/dev/vdb lvm:ext4:vg/root", "luks in detached header 1(pv vg) detached header 1 vg{root: ext4}"],
  ["crypt:ext4:/dev/vda1:root:header=/etc/root.header", "[luks in detached header 1(ext4)] detached header 1"],
  // Key files on sticks, and devices that are keys.
  ["crypt:ext4:/dev/vda1:root:keyfile=/keys/root.key%40LABEL=KEYS", "[luks(ext4)] [vfat KEYS keys/root.key]"],
  ["crypt:none:/dev/vda1:a:keyfile=/a%40LABEL=KEYS crypt:none:/dev/vda2:b:keyfile=/b%40LABEL=KEYS lvm:ext4:vg/root", "[luks(pv vg), luks(pv vg)] [vfat KEYS a b] vg{root: ext4}"],
  [`crypt:ext4:/dev/vda1:root:keyfile=/k%40UUID=${OTHER}`, `[luks(ext4)] [ext4 ${OTHER} k]`],
  ["crypt:ext4:/dev/vda1:root:keyfile=/k%40UUID=4D4B-4901", "[luks(ext4)] [vfat 4D4B-4901 k]"],
  ["crypt:none:/dev/vda1:keys crypt:ext4:/dev/vda2:root:keyfile=/k%40/dev/mapper/keys", "[luks(vfat k), luks(ext4)]"],
  ["crypt:ext4:/dev/vda1:root:keyfile=/dev/vdb,keyfile-size=64", "[luks(ext4)] bytes"],
  // Plain dm-crypt.
  ["crypt:ext4:/dev/vda1:root:type=plain,cipher=aes-xts-plain64,size=512,hash=sha256", "[plain aes-xts-plain64 512 sha256 0 0 512(ext4)]"],
  ["crypt:none:PARTLABEL=p:a:type=plain,cipher=aes-cbc-essiv%3Asha256,size=256,offset=2048,skip=8,sector-size=4096,keyfile=/etc/k lvm:ext4:vg/root", "[p plain aes-cbc-essiv:sha256 256 key 2048 8 4096(pv vg)] vg{root: ext4}"],
  // TrueCrypt and VeraCrypt.
  ["tcplay:ext4:/dev/vda1:root", "[tcrypt aes sha512(ext4)]"],
  ["tcplay:ext4:/dev/vda1:root:type=truecrypt,hash=whirlpool,cipher=aes-twofish-serpent,keyfile=/a,keyfile=/b,hidden=yes", "[tcrypt serpent-twofish-aes whirlpool(hidden whirlpool, 2 files: ext4)]"],
  ["tcplay:none:/dev/vda1:a:protect-hidden,keyfile-hidden=/etc/a lvm:ext4:vg/root", "[tcrypt aes sha512(beside 1 files: pv vg)] vg{root: ext4}"],
  ["tcplay:ext4:/dev/vda1:root:backup,engine=tcplay", "[tcrypt aes sha512 primary(ext4)]"],
  ["tcplay:ext4:/dev/vda1:root:pim=12,hash=sha256,keyfile=/etc/a", "[veracrypt sha256 pim 12 1 files(ext4)]"],
  ["tcplay:ext4:/dev/vda1:root:pim=ask,hidden=yes", "[veracrypt sha512 pim 1 hidden(ext4)]"],
  ["tcplay:none:/dev/vda1:a:hash=sha256 lvm:ext4:vg/root", "[veracrypt sha256(pv vg)] vg{root: ext4}"],
  ["tcplay:ext4:/dev/vg/lv0:root:type=veracrypt,backup", "[pv vg] vg{lv0: veracrypt sha512(ext4)}"],
  ["tcplay:ext4:/dev/vda2:root:system", "[-, truecrypt ripemd160 system(ext4)]"],
  ["tcplay:ext4:PARTLABEL=c:root:system=/dev/sda,type=veracrypt,pim=3", "[c veracrypt sha512 pim 3 system(ext4)]"],
])("%s", (spec, expected) => {
  const { recipe } = layout(spec);
  expect(describe(recipe)).toBe(expected);
  for (const { sizeBytes, table } of recipe.disks) expect((table?.partitions ?? []).reduce((sum, partition) => sum + partition.sizeBytes!, 0)).toBeLessThan(sizeBytes);
});

test("names of disks say which driver they want, and a key file that nothing can open is told of", () => {
  expect(layout("local:ext4:/dev/nvme0n1p2").nodes).toBe("nvme");
  expect(layout("local:ext4:/dev/sda2").nodes).toBe("scsi");
  expect(layout("local:ext4:LABEL=root").nodes).toBeUndefined();
  expect(layout("crypt:ext4:/dev/vda2:root:keyfile=/missing/root.key")).toMatchObject({ files: [], notes: ["/dev/vda2 is opened by a passphrase in the copy: the image has no /missing/root.key"] });
});

/** What the only container of a copy is opened by. */
function keyed(spec: string, facts = image) {
  const { recipe, files } = layout(spec, facts);
  const contents = allContents(recipe).filter((content) => "passphrase" in content);
  expect(contents).toHaveLength(1);
  return { passphrase: contents[0]!.passphrase, files, contents: allContents(recipe) };
}

test("a key file of the image is the copy's own, and the part of it that counts is the key", () => {
  const whole = keyed("crypt:ext4:/dev/vda1:root:keyfile=/etc/k");
  expect(whole.files).toEqual([{ path: "/etc/k", from: { text: whole.passphrase } }]);
  const part = keyed("crypt:ext4:/dev/vda1:root:keyfile=/etc/k,keyfile-offset=100,keyfile-size=64");
  expect([part.passphrase.length, part.passphrase]).toEqual([64, whole.passphrase.slice(100, 164)]);
  const plain = keyed("crypt:ext4:/dev/vda1:root:keyfile=/etc/k,type=plain,cipher=aes-xts-plain64,size=512,keyfile-offset=8");
  expect(plain.passphrase).toBe(whole.passphrase.slice(8, 72));
});

test("a key file on a stick has the same bytes there, and each has others", () => {
  const { passphrase, files, contents } = keyed("crypt:ext4:/dev/vda1:root:keyfile=/k%40LABEL=KEYS");
  expect(files).toEqual([]);
  expect(contents.find((content) => content.kind === "filesystem" && content.label === "KEYS")).toMatchObject({ files: { k: passphrase } });
  const [a, b] = layout("tcplay:ext4:/dev/vda1:root:keyfile=/etc/a,keyfile=/etc/b").files;
  expect(a).not.toEqual({ ...b, path: "/etc/a" });
});

test("a stick is vfat only where the image reads that, and under a label that vfat has", () => {
  const stick = (spec: string, facts = image) => describe(layout(spec, facts).recipe).split(" [").at(-1);
  expect(stick("crypt:ext4:/dev/vda1:root:keyfile=/k%40LABEL=KEYS", { ...image, hasDriver: () => false })).toBe("ext4 KEYS k]");
  expect(stick("crypt:ext4:/dev/vda1:root:keyfile=/k%40LABEL=my-keys")).toBe("ext4 my-keys k]");
});

test("a header that is a file of the image is made on a disk of its own, which the machine has not", () => {
  const { recipe, attached, files } = layout("crypt:ext4:/dev/vda1:root:header=/etc/h");
  expect([recipe.disks.length, attached, files]).toEqual([2, 1, [{ path: "/etc/h", from: { disk: 1 } }]]);
});

test("the sizes of volumes with a place at their end are those of their partitions, a hidden one is smaller", () => {
  const partition = (spec: string) => layout(spec).recipe.disks[0]!.table!.partitions[0]!;
  const vera = partition("tcplay:none:/dev/vda1:a:pim=1,hidden=yes lvm:ext4:vg/root");
  expect(vera.content).toMatchObject({ sizeBytes: vera.sizeBytes });
  const { content, sizeBytes } = partition("tcplay:none:/dev/vda1:a:hidden=yes lvm:ext4:vg/root");
  const hidden = content?.kind === "tcrypt" ? content.hidden!.sizeBytes : 0;
  expect(hidden).toBeGreaterThan(80 * 2 ** 20);
  expect(hidden).toBeLessThan(sizeBytes! - 2 ** 20);
});

test("a PIM that is asked for is typed", () => {
  expect(layout("tcplay:ext4:/dev/vda1:root:pim=ask").answers).toMatchObject({ "PIM (0 for none) for": expect.arrayContaining(["1"]) });
});

test.each([
  ["local:ext4:SERIAL=abc", "says nothing of where it lies"],
  ["local:ext4:/dev/disk/by-id/ata-x-part2", "says nothing of where it lies"],
  ["local:f2fs:/dev/vda2", "a root of f2fs can't be made here"],
  ["local:ext4:UUID=4D4B-4901", "no UUID of a filesystem for a root"],
  [`crypt:ext4:UUID=${UUID}:root:header=/dev/vda3`, "the payload of a detached header has no UUID and no label"],
  ["crypt:ext4:/dev/vda2:root:header=/dev/vg/header", "a header on /dev/vg/header can't be made here"],
  [`crypt:ext4:UUID=${UUID}:root:type=plain,cipher=aes-xts-plain64,size=512,hash=sha256`, "a plain volume has no UUID"],
  ["crypt:ext4:/dev/vda2:root:type=plain,cipher=camellia-xts-plain64,size=512,hash=sha256", "the cipher camellia-xts-plain64"],
  ["crypt:ext4:/dev/vda2:root:type=plain,cipher=aes-xts-plain64,size=512,hash=stribog512", "the hash stribog512"],
  ["crypt:ext4:/dev/vda2:root:keyfile=/etc/k,keyfile-offset=1000000", "behind the 8192 bytes"],
  ["crypt:ext4:/dev/vda2:root:keyfile=/dev/disk/by-label/K,keyfile-size=4", "has no UUID and no label"],
  ["crypt:ext4:/dev/vda2:root:keyfile=/dev/vdb", "nothing says how much of it is the key"],
  ["crypt:ext4:/dev/vda2:root:keyfile=/a%3Bb%40LABEL=K", "a key file of the name /a;b"],
  ["tcplay:ext4:/dev/vda2:root:keyfile=/dev/vdb", "nothing says how much of it is the key"],
  ["tcplay:ext4:LABEL=x:root", "a TrueCrypt volume has no UUID and no label"],
  ["tcplay:ext4:/dev/vda2:root:type=veracrypt,hash=blake2s", "a VeraCrypt volume with the hash blake2s"],
  ["tcplay:ext4:/dev/vda2:root:type=veracrypt,cipher=serpent", "a VeraCrypt volume with the cipher serpent"],
  ["tcplay:ext4:/dev/vda2:root:type=truecrypt,hash=sha1", "the hash sha1"],
  ["tcplay:ext4:/dev/vda:root:system", "system encryption is of a partition"],
  ["tcplay:ext4:/dev/vda2:root:system=/dev/vdb", "/dev/vdb is no disk by its node, or not that of the partition"],
  ["tcplay:none:/dev/vda1:a:system tcplay:ext4:/dev/vda2:b:system=/dev/vda", "room for the header of one system"],
  ["crypt:none:/dev/vda1:a tcplay:ext4:/dev/mapper/a:b:type=veracrypt,backup", "for the option backup can't be made here inside of another one"],
  ["tcplay:ext4:/dev/md/root:b:type=veracrypt,backup", "for the option backup"],
  ["lvm:ext4:vg/lv:vg-uuid=abcdef-ghij-klmn-opqr-stuv-wxyz-012345", "the option vg-uuid"],
  [`md:ext4:UUID=${UUID}0`, "is no name, no UUID and no node of an array"],
  ["crypt:none:/dev/sda1:a crypt:none:/dev/nvme0n1p1:b lvm:ext4:vg/lv", "2 kinds of names"],
])("%s can't be copied, and a disk of one's own is named as the way out", (spec, found) => {
  expect(() => layout(spec)).toThrow(found);
  expect(() => layout(spec)).toThrow("--test-disk FILE");
});
