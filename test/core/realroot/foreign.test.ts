import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { MkinitrdError } from "../../../src/core/errors.ts";
import { parseCommandLine } from "../../../src/core/realroot/command-line.ts";
import { readKeymapWord } from "../../../src/core/realroot/keymap-word.ts";
import { formatRealroot, parseRealroot } from "../../../src/core/realroot/stage.ts";
import type { KindTable } from "../../../src/core/realroot/types.ts";
import { kinds as plain } from "./kinds.ts";

const CRYPT_OPTIONS = ["discard", "readonly", "keyfile", "keyfile-offset", "keyfile-size", "keyfile-timeout", "keyslot", "tries", "header",
  "no-read-workqueue", "no-write-workqueue", "type", "cipher", "size", "hash"];
const { local, lvm } = plain;
const kinds: KindTable = { local: local!, lvm: lvm!, crypt: { fields: ["device", "name", "options"], options: CRYPT_OPTIONS } };
const A = "7a4d6f1e-1a55-4f0e-9a6c-2b1f6d3c8e04";
const B = "0b0f2d33-5f4d-4c6f-8e0a-1d6a2c6f9b11";
const parse = (text: string, defaultRealroot = "", table = kinds) => parseCommandLine(text, { kinds: table, defaultRealroot, sealed: false });
const spec = (text: string, defaultRealroot = "") => {
  const request = parse(text, defaultRealroot);
  expect(request.warnings).toEqual([]);
  return formatRealroot(request.stages, kinds);
};

// Command lines as installers of each system write them, with other UUIDs.
describe("a machine's command line as it was opens", () => {
  test.each([
    { by: "Fedora (dracut), LVM in LUKS", text: `BOOT_IMAGE=(hd0,gpt2)/vmlinuz-6.11.4-301.fc41.x86_64 root=/dev/mapper/fedora-root ro rd.luks.uuid=luks-${A} rd.lvm.lv=fedora/root rd.lvm.lv=fedora/swap rhgb quiet`,
      stages: `crypt:none:UUID=${A}:luks-${A} lvm:auto:fedora/root` },
    { by: "RHEL (dracut), LVM", text: "BOOT_IMAGE=(hd0,msdos1)/vmlinuz-5.14.0 root=/dev/mapper/rhel-root ro crashkernel=1G-4G:192M rd.lvm.lv=rhel/root rd.lvm.lv=rhel/swap", stages: "lvm:auto:rhel/root" },
    { by: "Fedora (dracut), btrfs", text: `root=UUID=${B} ro rootflags=subvol=root rd.luks.uuid=luks-${A} rhgb quiet`, stages: `crypt:none:UUID=${A}:luks-${A} local:auto:UUID=${B}` },
    { by: "dracut without dm", text: "root=block:LABEL=root rd.lvm=0 rd.luks=0 rd.md=0 rd.dm=0", stages: "local:auto:LABEL=root" },
    { by: "Arch (mkinitcpio's encrypt), LUKS", text: `cryptdevice=UUID=${A}:cryptroot root=/dev/mapper/cryptroot rw loglevel=3`, stages: `crypt:none:UUID=${A}:cryptroot local:auto:/dev/mapper/cryptroot` },
    { by: "Arch (mkinitcpio's encrypt and lvm2)", text: "cryptdevice=PARTLABEL=cryptlvm:cryptlvm:allow-discards root=/dev/vg/root", stages: "crypt:none:PARTLABEL=cryptlvm:cryptlvm:discard local:auto:/dev/vg/root" },
    { by: "Arch (mkinitcpio), a key on a stick", text: `cryptdevice=/dev/sda2:root cryptkey=LABEL=keys:vfat:/root.key root=/dev/mapper/root`, stages: "crypt:none:/dev/sda2:root:keyfile=/root.key%40LABEL=keys local:auto:/dev/mapper/root" },
    { by: "Arch (mkinitcpio), a key in the image", text: `cryptdevice=/dev/sda2:root cryptkey=rootfs:/crypto.bin root=/dev/mapper/root`, stages: "crypt:none:/dev/sda2:root:keyfile=/crypto.bin local:auto:/dev/mapper/root" },
    { by: "Arch (mkinitcpio), a key between partitions", text: `cryptdevice=/dev/sda2:root cryptkey=/dev/sdb:2048:512 root=/dev/mapper/root`, stages: "crypt:none:/dev/sda2:root:keyfile=/dev/sdb,keyfile-offset=2048,keyfile-size=512 local:auto:/dev/mapper/root" },
    { by: "systemd (sd-encrypt)", text: `rd.luks.name=${A}=root rd.luks.options=${A}=discard,no-read-workqueue,x-initrd.attach root=/dev/mapper/root rootfstype=ext4`, stages: `crypt:none:UUID=${A}:root:discard,no-read-workqueue local:ext4:/dev/mapper/root` },
    { by: "systemd, options for all", text: `luks.uuid=${A} luks.uuid=${B} luks.options=tries=5,timeout=90s root=/dev/mapper/luks-${A}`, stages: `crypt:none:UUID=${A}:luks-${A}:tries=5 crypt:none:UUID=${B}:luks-${B}:tries=5 local:auto:/dev/mapper/luks-${A}` },
    { by: "systemd, a key on a device", text: `rd.luks.key=${A}=/keys/a:UUID=4D4B-4901 rd.luks.name=${A}=root root=/dev/mapper/root`, stages: `crypt:none:UUID=${A}:root:keyfile=/keys/a%40UUID=4D4B-4901 local:auto:/dev/mapper/root` },
    { by: "dracut, a key on a device", text: `rd.luks.key=/keys/a:LABEL=keys:UUID=${A} rd.luks.uuid=${A} rd.luks.uuid=${B} root=LABEL=r`, stages: `crypt:none:UUID=${A}:luks-${A}:keyfile=/keys/a%40LABEL=keys crypt:none:UUID=${B}:luks-${B} local:auto:LABEL=r` },
    { by: "dracut, discards and a time limit", text: `rd.luks.uuid=${A} rd.luks.allow-discards rd.luks.timeout=30 root=LABEL=r`, stages: `crypt:none:UUID=${A}:luks-${A}:discard local:auto:LABEL=r` },
    { by: "dracut, by the partition", text: `rd.luks.partuuid=${B} root=LABEL=r`, stages: `crypt:none:PARTUUID=${B} local:auto:LABEL=r` },
    { by: "Debian (initramfs-tools), LVM", text: "BOOT_IMAGE=/vmlinuz-6.1.0-56-amd64 root=/dev/mapper/debian--vg-root ro quiet", stages: "local:auto:/dev/mapper/debian--vg-root" },
    { by: "Debian (cryptsetup-initramfs)", text: "root=/dev/mapper/cryptroot cryptopts=target=cryptroot,source=UUID=9f,luks,discard,key=none", stages: "crypt:none:UUID=9f:cryptroot:discard local:auto:/dev/mapper/cryptroot" },
    { by: "Raspberry Pi OS", text: "console=serial0,115200 root=PARTUUID=6c586e13-02 rootfstype=ext4 fsck.repair=yes rootwait", stages: "local:ext4:PARTUUID=6c586e13-02" },
  ])("$by", ({ text, stages }) => {
    expect(spec(text)).toBe(stages);
    expect(formatRealroot(parseRealroot(stages, kinds), kinds)).toBe(stages);
  });
});

test.each([
  { root: "/dev/sda1", device: "/dev/sda1" },
  { root: "/dev/disk/by-uuid/9f", device: "/dev/disk/by-uuid/9f" },
  { root: '"LABEL=my root"', device: "LABEL=my%20root" },
  { root: "PARTLABEL=root", device: "PARTLABEL=root" },
  { root: `PARTUUID=${B}/PARTNROFF=1`, device: `PARTUUID=${B}/PARTNROFF=1` },
  { root: "254:2", device: "/dev/block/254%3A2" },
  { root: "0801", device: "/dev/block/8%3A1" },
  { root: "0xfe02", device: "/dev/block/254%3A2" },
  { root: "10300301", device: "/dev/block/3%3A66305" }, // new_encode_dev of minor 66305: its upper bits stand above the major
])("root=$root is looked for as $device", ({ root, device }) => {
  expect(spec(`root=${root}`)).toBe(`local:auto:${device}`);
});

test.each([
  { text: "root=ZFS=rpool/ROOT/debian", warning: /^root="ZFS=.*": this is a root on ZFS; there is no kind for it$/ },
  { text: "root=zfs:AUTO", warning: /a root on ZFS/ },
  { text: "root=/dev/nfs", warning: /a root on NFS; a root on the network is not supported/ },
  { text: "root=nfs:10.0.0.1:/srv", warning: /a root on NFS/ },
  { text: "root=iscsi:@10.0.0.1::3260::iqn", warning: /a disk on the network/ },
  { text: "root=live:CDLABEL=x", warning: /a live system/ },
  { text: "root=gpt-auto", warning: /name the device/ },
  { text: "root=ubi0:rootfs", warning: /flash memory/ },
  { text: "root=/dev/ram0", warning: /the kernel's own word/ },
  { text: "root=/dev/vda1 roothash=abcd", warning: /^root="\/dev\/vda1": roothash= wants it verified by dm-verity/ },
  { text: "rd.luks.uuid=7a4d root=/dev/vda1", warning: /^rd.luks.uuid="7a4d": it is no whole UUID; `cryptsetup luksUUID` and blkid show it$/ },
  { text: `rd.luks.name=${A}=control root=/dev/vda1`, warning: /"control" can't be a device-mapper name/ },
  { text: `rd.luks.name=${A} root=/dev/vda1`, warning: /write UUID=NAME/ },
  { text: `rd.luks.uuid=${A} rd.luks.options=tpm2-device=auto root=/dev/vda1`, warning: /tpm2-device wants a key from a TPM, which this boot can't; the passphrase is asked for/ },
  { text: `rd.luks.uuid=${A} rd.luks.options=disacrd root=/dev/vda1`, warning: /^rd.luks.uuid=".*": the option "disacrd" is not known; did you mean discard\?$/ },
  { text: `rd.luks.uuid=${A} rd.luks.key=key root=/dev/vda1`, warning: /the key file "key" is no absolute path; the passphrase is asked for$/ },
  { text: `rd.luks.uuid=${A} rd.luks.key=/k rd.luks.options=keyfile-timeout=soon root=/dev/vda1`, warning: /keyfile-timeout="soon" is no number of seconds/ },
  { text: "cryptdevice=/dev/sda2 root=/dev/vda1", warning: /no name behind the device; write DEVICE:NAME/ },
  { text: "cryptdevice=ID=x:root root=/dev/vda1", warning: /"ID=x" is no device; known: a path, UUID=/ },
  { text: "cryptdevice=/dev/sda2:root cryptkey=/dev/sdb root=/dev/vda1", warning: /cryptkey is none of rootfs:PATH/ },
  { text: "rd.lvm.lv=root root=/dev/vda1", warning: /^rd.lvm.lv="root": "root" is no logical volume; write VG\/LV$/ },
  { text: "rd.md.uuid=1234 root=/dev/vda1", warning: /no array's UUID/ },
  { text: "rd.md.uuid=01234567:89abcdef:01234567:89abcdef root=/dev/vda1", warning: /does not serve the kind md/ },
  { text: "rd.break=lunch root=/dev/vda1", warning: /^rd.break="lunch": known: cmdline, / },
  { text: "rd.shell=maybe root=/dev/vda1", warning: /known: 0, 1/ },
  { text: "resume=nfs:/x root=/dev/vda1", warning: /^resume="nfs:\/x": this is a root on NFS/ },
  { text: "resume_offset=0x10 root=/dev/vda1", warning: /no number of pages/ },
  { text: "rootdelay=x root=/dev/vda1", warning: /no number of seconds/ },
  { text: `rd.luks.uuid=${A}`, warning: /there is no root=/ },
])("$text is a warning", ({ text, warning }) => {
  const { warnings } = parse(text);
  expect(warnings).toHaveLength(1);
  expect(warnings[0]).toMatch(warning);
});

test("options that the image's crypt does not have are named, and the rest is used", () => {
  const table = { ...kinds, crypt: { fields: ["device", "name", "options"], options: ["discard"] } };
  const request = parse(`rd.luks.uuid=${A} rd.luks.options=discard,header=/h rd.luks.key=/k root=/dev/vda1`, "", table);
  expect(request.stages[0]?.options).toEqual({ discard: true });
  expect(request.warnings.map((warning) => warning.replace(/^\S+: /, ""))).toEqual(
    ["crypt in this image has no option header", "crypt in this image reads no key files; the passphrase is asked for"]);
});

test("an array comes before the encrypted volumes that lie on it", () => {
  const table = { ...kinds, md: { fields: ["device", "options"], options: [] } };
  const { stages } = parse(`rd.luks.uuid=${A} rd.md.uuid=01234567-89ab-cdef-0123-456789abcdef root=/dev/mapper/luks-${A}`, "", table);
  expect(stages.map(({ kind, device }) => `${kind} ${device}`)).toEqual(["md UUID=01234567:89abcdef:01234567:89abcdef", `crypt UUID=${A}`, `local /dev/mapper/luks-${A}`]);
});

test.each([
  { text: "rd.break", breakAt: "pivot" }, { text: "rd.break=pre-mount", breakAt: "mount" }, { text: "rd.break=initqueue", breakAt: "unlock" },
  { text: "break=premount", breakAt: "mount" }, { text: "rd.systemd.break=pre-udev", breakAt: "devices" }, { text: "rd.break mkinitrd.break=unlock rd.break=mount", breakAt: "unlock" },
  { text: "rd.shell", shell: true }, { text: "rd.shell=0", shell: false }, { text: "rd.shell mkinitrd.shell=0", shell: false },
  { text: "rd.timeout=90", timeoutMs: 90_000 }, { text: "rd.timeout=0", timeoutMs: 86_400_000 }, { text: "rd.timeout=90 mkinitrd.timeout=5 rd.timeout=80", timeoutMs: 5000 },
  { text: "rootdelay=10 rootdelay=5", leastTimeoutMs: 10_000 }, { text: "rootwait", leastTimeoutMs: 86_400_000 }, { text: "rootwait=20", leastTimeoutMs: 20_000 },
])("$text", ({ text, ...expected }) => {
  const request = parse(text);
  expect(request).toMatchObject(expected);
  expect(request.warnings).toEqual([]);
});

test.each([
  { text: "resume=/dev/vg/swap", resume: { device: "/dev/vg/swap", offsetPages: 0 } },
  { text: "resume=254:3", resume: { device: "/dev/block/254:3", offsetPages: 0 } },
  { text: "resume_offset=38912 resume=UUID=9f realroot=local:ext4:vda1", resume: { device: "UUID=9f", offsetPages: 38912 } },
  { text: "resume=/dev/vda3 noresume", resume: undefined },
  { text: "hibernate=no resume=/dev/vda3", resume: undefined },
  { text: "resume_offset=5", resume: undefined },
])("$text", ({ text, resume }) => {
  expect(parse(text).resume).toEqual(resume);
});

test.each([
  { text: "vconsole.keymap=de-latin1-nodeadkeys vconsole.font=eurlatgr", keymap: "de-latin1-nodeadkeys" },
  { text: "rd.vconsole.keymap=fr keymap=us", keymap: "us" },
  { text: "mkinitrd.keymap=cz-winkeys-qwerty", keymap: "cz-winkeys-qwerty" },
  { text: "quiet -- keymap=us", keymap: undefined },
])("$text begins with the keymap $keymap", ({ text, keymap }) => {
  const request = parse(text);
  expect(request).toMatchObject({ warnings: [] });
  expect(request.keymap).toBe(keymap);
  expect(readKeymapWord(text)).toBe(keymap);
});

test.each(["keymap=", "keymap", "vconsole.keymap=../../etc/passwd", "mkinitrd.keymap=/usr/share/de.map", `keymap=${"x".repeat(65)}`])("%s names no keymap, with a warning", (text) => {
  expect(parse(text).warnings).toEqual([expect.stringMatching(/keymap.*: it is no keymap's name$/)]);
  expect(parse(text).keymap).toBeUndefined();
  expect(readKeymapWord(text)).toBeUndefined();
});

test("a sealed image resumes from nothing that the command line names", () => {
  expect(parseCommandLine("resume=/dev/vda3", { kinds, defaultRealroot: "local:ext4:vda1", sealed: true }).resume).toBeUndefined();
});

describe("the image's own spec", () => {
  const OWN = "crypt:none:UUID=1:pv0 lvm:ext4:vg00/lv0";
  test.each([
    { text: "root=/dev/mapper/vg00-lv0", stages: OWN },
    { text: "root=/dev/vg00/lv0 rd.lvm.lv=vg00/lv0", stages: OWN },
    { text: "root=/dev/mapper/foo", own: "crypt:ext4:/dev/vda2:foo", stages: "crypt:ext4:/dev/vda2:foo" },
    { text: `root=/dev/mapper/luks-${A}`, own: `crypt:ext4:UUID=${A}`, stages: `crypt:ext4:UUID=${A}` },
    { text: "root=UUID=9f", stages: "local:auto:UUID=9f", atHand: "crypt:none:UUID=1:pv0" },
    { text: "root=UUID=9f", own: "crypt:ext4:/dev/vda2:foo:mount.noatime", stages: "local:auto:UUID=9f", atHand: "crypt:none:/dev/vda2:foo" },
    { text: "root=UUID=9f", own: "local:ext4:/dev/vda2", stages: "local:auto:UUID=9f" },
    { text: "cryptdevice=UUID=1:pv0 root=LABEL=x", stages: "crypt:none:UUID=1:pv0 local:auto:LABEL=x" },
    { text: `rd.luks.uuid=${A}`, stages: `crypt:none:UUID=${A}:luks-${A} ${OWN}` },
    { text: "cryptdevice=UUID=1:other", stages: OWN },
    { text: "quiet rd.lvm.vg=vg00", stages: OWN },
  ])("with $text is $stages", ({ text, own = OWN, stages, atHand = "" }) => {
    const request = parse(text, own);
    expect(formatRealroot(request.stages, kinds)).toBe(stages);
    expect(formatRealroot(request.atHand ?? [], kinds)).toBe(atHand);
    expect(request.warnings).toEqual([]);
  });

  test("stays when root= can't be used, with the reason", () => {
    const request = parse("root=ZFS=x", OWN);
    expect(formatRealroot(request.stages, kinds)).toBe(OWN);
    expect(request.warnings).toHaveLength(1);
  });
});

test("whatever the words hold, their stages can be written as specs, and nothing is opened that no word names", () => {
  const value = fc.oneof(fc.string({ maxLength: 20, unit: "binary" }), fc.constantFrom(A, `${A}=x`, `${A}=discard,tries=2`, "/dev/sda2:x:discard", "/k:LABEL=a", "vg/lv", "/dev/vda1", "source=/dev/x,target=y", "LABEL=k:vfat:/a@b"));
  const word = fc.constantFrom("root", "rd.luks.uuid", "rd.luks.name", "luks.options", "rd.luks.key", "rd.luks.timeout", "cryptdevice", "cryptkey", "cryptopts", "rd.lvm.lv", "rd.lvm.vg", "rd.md.uuid", "rd.break", "rootwait", "rootfstype");
  fc.assert(fc.property(fc.array(fc.tuple(word, value), { maxLength: 12 }), (pairs) => {
    const text = pairs.map(([key, given]) => `"${key}=${given.replaceAll('"', "")}"`).join(" ");
    const { stages } = parse(text);
    expect(parseRealroot(formatRealroot(stages, kinds), kinds)).toEqual(stages);
    for (const { kind, device } of stages) expect(kind !== "crypt" || text.toLowerCase().includes(device.replace(/^UUID=|^\/dev\//, "").toLowerCase())).toBe(true);
  }), { numRuns: 500 });
});

test("a spec that is wrong is an error, whatever other words say", () => {
  expect(() => parse("root=/dev/vda1 realroot=frob")).toThrow(MkinitrdError);
});
