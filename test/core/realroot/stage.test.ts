import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { MkinitrdError } from "../../../src/core/errors.ts";
import { formatRealroot, formatStage, parseRealroot, parseStage } from "../../../src/core/realroot/stage.ts";
import type { Stage } from "../../../src/core/realroot/types.ts";
import { kinds } from "./kinds.ts";

const plain = { options: {}, mountOptions: [] };

test.each<{ text: string; stage: Stage }>([
  { text: "local:ext4:UUID=9f", stage: { kind: "local", fstype: "ext4", device: "UUID=9f", ...plain } },
  { text: "local:ufs:/dev/vg00/lv0", stage: { kind: "local", fstype: "ufs", device: "/dev/vg00/lv0", ...plain } },
  { text: "local::vda1", stage: { kind: "local", fstype: "auto", device: "/dev/vda1", ...plain } },
  { text: "local:-:vg00/lv0:", stage: { kind: "local", fstype: "auto", device: "/dev/vg00/lv0", ...plain } },
  { text: "lvm:xfs:vg00/lv0", stage: { kind: "lvm", fstype: "xfs", device: "vg00/lv0", ...plain } },
  { text: "lvm:xfs:/dev/vg00/lv0", stage: { kind: "lvm", fstype: "xfs", device: "vg00/lv0", ...plain } },
  { text: "lvm:xfs:/dev/mapper/vg--a-lv--0", stage: { kind: "lvm", fstype: "xfs", device: "vg-a/lv-0", ...plain } },
  { text: "crypt:none:/dev/vda2:pv0", stage: { kind: "crypt", fstype: "none", device: "/dev/vda2", name: "pv0", ...plain } },
  { text: "crypt:auto:/dev/vda2", stage: { kind: "crypt", fstype: "auto", device: "/dev/vda2", ...plain } },
  { text: "crypt:ext4:vda2::discard,tries=5,,", stage: { kind: "crypt", fstype: "ext4", device: "/dev/vda2", options: { discard: true, tries: "5" }, mountOptions: [] } },
  { text: "crypt:ext4:vda2:x:keyfile=/k=%2C,mount.noatime,mount.compress=zstd%3A1,mount.x=",
    stage: { kind: "crypt", fstype: "ext4", device: "/dev/vda2", name: "x", options: { keyfile: "/k=," }, mountOptions: ["noatime", "compress=zstd:1", "x="] } },
  { text: "local:btrfs:UUID=1-2@@home", stage: { kind: "local", fstype: "btrfs", device: "UUID=1-2", subvolume: "@home", ...plain } },
  { text: "local:ext4:/dev/disk/by-path/pci-0000%3A00%3A1f.2%40x", stage: { kind: "local", fstype: "ext4", device: "/dev/disk/by-path/pci-0000:00:1f.2@x", ...plain } },
  { text: "local:ext4:LABEL=my root%c3%A9", stage: { kind: "local", fstype: "ext4", device: "LABEL=my rooté", ...plain } },
  { text: "%6cocal:ext4:vda%31", stage: { kind: "local", fstype: "ext4", device: "/dev/vda1", ...plain } },
])("$text is read", ({ text, stage }) => {
  expect(parseStage(text, kinds)).toEqual(stage);
  expect(parseStage(formatStage(stage, kinds), kinds)).toEqual(stage);
});

test.each([
  { text: "net:ext4:10.0.2.2/root:port=3", device: "10.0.2.2/root" },
  { text: "net:ext4:fe80%3A%3A1/a%40b", device: "fe80::1/a@b" },
  { text: "net:ext4:KEY=x", device: "KEY=x" },
])("an address is taken as it is written: $text", ({ text, device }) => {
  const table = { net: { fields: ["address", "options"], options: ["port"] } };
  const stage = parseStage(text, table);
  expect(stage.device).toBe(device);
  expect(parseStage(formatStage(stage, table), table)).toEqual(stage);
  expect(() => parseStage("net:ext4:", table)).toThrow("the address is empty\n  next: write net:fstype:address:options".split("\n")[0]);
});

describe("the lineage's options", () => {
  test.each<{ text: string; options: Stage["options"] }>([
    { text: "tcplay:ext4:vda2:tc:-e", options: { "protect-hidden": true } },
    { text: "tcplay:ext4:vda2:tc:-s /dev/sda  --use-backup", options: { system: "/dev/sda", backup: true } },
    { text: "tcplay:ext4:vda2:tc:-k /etc/a -k /etc/b --fde", options: { keyfile: "/etc/a\n/etc/b", system: true } },
    { text: "tcplay:ext4:vda2:tc:-k /etc/a%20b", options: { keyfile: "/etc/a b" } },
    { text: "tcplay:ext4:vda2:tc:-k/etc/k\t--system-encryption=/dev/sda", options: { keyfile: "/etc/k", system: "/dev/sda" } },
    { text: "crypt:ext4:vda2:c:--allow-discards -r -d /k -S 3 -T 5", options: { discard: true, readonly: true, keyfile: "/k", keyslot: "3", tries: "5" } },
    { text: "crypt:ext4:vda2:c:--key-file=/a=b --key-slot 0 --tries 1", options: { keyfile: "/a=b", keyslot: "0", tries: "1" } },
  ])("$text", ({ text, options }) => {
    expect(parseStage(text, kinds).options).toEqual(options);
  });
});

test.each([
  { text: "loacl:ext4:vda1", message: 'reading the realroot spec on "loacl:ext4:vda1": the kind "loacl"; known: crypt, local, lvm, tcplay\n  next: did you mean local?' },
  { text: "constructor:ext4:vda1", message: 'the kind "constructor"; known:' },
  { text: "", message: 'the kind ""' },
  { text: "local", message: 'reading the realroot spec on "local": the device is empty\n  next: write local:fstype:device:options' },
  { text: "local:ext4:", message: "the device is empty" },
  { text: "local:ext4:@sub", message: "the device is empty" },
  { text: "local:ext4:vda1@", message: "no subvolume behind the @" },
  { text: "local:ext4:vda1:ro:x", message: "5 fields; write local:fstype:device:options\n  next: write a colon inside a field as %3A" },
  { text: "local:ext4:vda%3", message: '"%3" is no percent sign and two hex digits' },
  { text: "local:ext4:vda%zz1", message: '"%zz" is no percent sign and two hex digits' },
  { text: "local:ext4:vda%00", message: '"vda\\x00" holds a control character' },
  { text: "local:ext4:vda%1b[2J", message: '"vda\\x1b[2J" holds a control character' },
  { text: "local:ext4:vda%ff", message: '"vda%ff" is not UTF-8' },
  { text: `local:ext4:/dev/${"x".repeat(256)}`, message: "a name in it is longer than 255 bytes, which no file can have" },
  { text: "local:ext4:UIID=1", message: '"UIID=1" is no device; known: a path, UUID=, LABEL=, PARTUUID=, PARTLABEL=, SERIAL=' },
  { text: "local:ext4:UUID=", message: "nothing behind UUID=" },
  { text: "local:-t ext4:vda1", message: '"-t ext4" is no filesystem\'s name' },
  { text: "lvm:ext4:vg00", message: '"vg00" is no logical volume; write VG/LV' },
  { text: "lvm:ext4:-a/lv0", message: "is no logical volume" },
  { text: "lvm:ext4:../lv0", message: "is no logical volume" },
  { text: "lvm:ext4:/dev/mapper/root", message: '"/dev/mapper/root" is no logical volume' },
  { text: "crypt:ext4:vda2:a/b", message: '"a/b" can\'t be a device-mapper name' },
  { text: "crypt:ext4:vda2:--header=x", message: "can't be a device-mapper name" },
  { text: "crypt:ext4:vda2:my%20root", message: '"my root" can\'t be a device-mapper name' },
  { text: "crypt:ext4:vda2:control", message: "can't be a device-mapper name" },
  { text: `crypt:ext4:vda2:${"e".repeat(128)}`, message: "can't be a device-mapper name" },
  { text: "crypt:ext4:vda2:x:discrad", message: 'the option "discrad" of kind crypt; known: discard, keyfile, keyslot, readonly, tries, mount.*\n  next: did you mean discard?' },
  { text: "local:ext4:vda2:noatime", message: 'the option "noatime" of kind local; known: mount.*\n  next: an option of mount(8) is written mount.OPTION' },
  { text: "local:ext4:vda2:__proto__=1", message: 'the option "__proto__"' },
  { text: "local:ext4:vda2:=1", message: 'the option ""' },
  { text: "local:ext4:vda2:mount.=1", message: "no mount option behind mount." },
  { text: "crypt:ext4:vda2:x:tries=1,tries=2", message: 'the option "tries" is there twice' },
  { text: "tcplay:ext4:vda2:x:keyfile,keyfile=/a", message: 'the option "keyfile" is there twice' },
  { text: "local:ext4:vda2:-o ro", message: '"-o" is no flag of kind "local"; known: none' },
  { text: "crypt:ext4:vda2:x:--header /h", message: '"--header" is no flag of kind "crypt"; known: --allow-discards, --readonly or -r, --key-file or -d VALUE,' },
  { text: "crypt:ext4:vda2:x:-d", message: "nothing behind -d" },
  { text: "crypt:ext4:vda2:x:--readonly=1", message: "--readonly takes no value" },
  { text: "crypt:ext4:vda2:x:-r discard", message: '"discard" is no flag' },
  { text: "crypt:ext4:vda2:x:-r -r", message: 'the option "readonly" is there twice' },
])("$text is refused", ({ text, message }) => {
  expect(() => parseStage(text, kinds)).toThrow(message);
});

test("stages are separated by blanks, and double quotes keep a stage together", () => {
  const stages = parseRealroot(' crypt:none:vda2:pv0\n\t"tcplay:ext4:vdb:tc:-s /dev/sda"  lvm:ext4:vg/lv ', kinds);
  expect(stages.map(({ kind }) => kind)).toEqual(["crypt", "tcplay", "lvm"]);
  expect(stages[1]?.options).toEqual({ system: "/dev/sda" });
  expect(parseRealroot("", kinds)).toEqual([]);
});

test("an option that may be there several times keeps all its values, in order", () => {
  const stage = parseStage("tcplay:ext4:vda2:tc:keyfile=/a,pim=3,keyfile=/b%2Cc", kinds);
  expect(stage.options).toEqual({ keyfile: "/a\n/b,c", pim: "3" });
  expect(formatStage(stage, kinds)).toBe("tcplay:ext4:/dev/vda2:tc:keyfile=/a,keyfile=/b%2Cc,pim=3");
});

test("a kind of the user's own, with option names of its own, is read like ours", () => {
  const own = { zfs: { fields: ["device", "options"], options: ["constructor", "force"] } };
  expect(parseStage("zfs:zfs:tank/root:constructor=1", own)).toEqual(
    { kind: "zfs", fstype: "zfs", device: "/dev/tank/root", options: { constructor: "1" }, mountOptions: [] });
});

test("a stage with a name is refused as text where the kind has no name", () => {
  expect(() => formatStage({ kind: "local", fstype: "auto", device: "/dev/a", name: "x", ...plain }, kinds)).toThrow("it has no field for name");
});

// Text of any kind, with the grammar's own characters more often than chance would have them.
const anyText = (minLength: number) => fc.string({ unit: fc.oneof(fc.constantFrom(...':,@%= "\\-/+&#'), fc.string({ minLength: 1, maxLength: 1, unit: "binary" })), minLength, maxLength: 20 })
  .filter((text) => !/[\u0000-\u001f\u007f-\u009f\p{Cs}]/u.test(text));
const optionValue = fc.oneof(fc.constant(true as const), anyText(0));
const mountOption = fc.tuple(anyText(1).filter((key) => !key.startsWith("=")), fc.option(anyText(0), { nil: undefined }))
  .map(([key, value]) => (value === undefined ? key : `${key}=${value}`));
const fstype = fc.constantFrom("auto", "none", "ext4", "fuse.sshfs", "ntfs-3g");
const device = fc.oneof(anyText(0).map((text) => `/${text}`), fc.tuple(fc.constantFrom("UUID", "LABEL", "PARTUUID", "PARTLABEL", "SERIAL"), anyText(1)).map((pair) => pair.join("=")));
const optional = <K extends string>(key: K, value: fc.Arbitrary<string>) => fc.option(value, { nil: undefined }).map((text) => (text === undefined ? {} : { [key]: text }));
const own = { own: { fields: ["device", "name", "options"], options: ["a", "b-c", "-d", "e=f", "g:h", "i,j", "%41", "__proto__", "1", "k l"] } };
const stages: fc.Arbitrary<Stage> = fc.tuple(
  fc.record({
    kind: fc.constant("own"), fstype, device,
    options: fc.uniqueArray(fc.tuple(fc.constantFrom(...own.own.options), optionValue), { selector: ([key]) => key }).map((entries) => Object.fromEntries(entries)),
    mountOptions: fc.array(mountOption, { maxLength: 4 }),
  }),
  optional("subvolume", anyText(1)),
  optional("name", fc.string({ unit: fc.constantFrom(..."aZ09#+-.:=@_"), minLength: 1, maxLength: 127 }).filter((text) => !text.startsWith("-") && ![".", ".."].includes(text))),
).map(([stage, subvolume, name]) => ({ ...stage, ...subvolume, ...name }));

test("any stage is the same after format and parse, alone and among others", () => {
  fc.assert(fc.property(fc.array(stages, { minLength: 1, maxLength: 3 }), (list) => {
    expect(parseRealroot(formatRealroot(list, own), own)).toEqual(list);
    for (const stage of list) expect(formatStage(stage, own)).toMatch(/^[\x21-\x7e]+$/);
  }), { numRuns: 500 });
});

// Specs as people write them, right and wrong: parts of the grammar thrown together.
const fragment = fc.oneof(fc.constantFrom("local", "crypt", "lvm", "tcplay", "ext4", "none", "-", "", "vda1", "/dev/vda2", "UUID=9f", "vg/lv", "@sub", "discard", "tries=3", "-e", "--fde", "-k f",
  "mount.ro", "mount.a=b", "%3A", "%40", "%", ":", ",", "=", "@", " "), anyText(0));
const specs = fc.oneof(
  fc.array(fragment, { maxLength: 8 }).map((parts) => parts.join(":")),
  fc.tuple(fc.constantFrom("local:ext4:vda1:", "crypt::UUID=x@y::", "crypt:none:vda2:n:", "lvm:-:vg/lv:"), fc.array(fc.constantFrom("discard", "tries=", "tries=%2C", "keyfile=%25:", "mount.a", "mount.b=c=d", "mount.%2Ce%3D=f", ""), { maxLength: 5 })
    .map((options) => options.join(","))).map((parts) => parts.join("")),
);

test("whatever text is read as a stage means the same after format, and any other is refused with our own error", () => {
  let read = 0;
  fc.assert(fc.property(specs, (text) => {
    let stage: Stage;
    try {
      stage = parseStage(text, kinds);
    } catch (error) {
      expect(error).toBeInstanceOf(MkinitrdError);
      return;
    }
    read++;
    expect(parseStage(formatStage(stage, kinds), kinds)).toEqual(stage);
  }), { numRuns: 1000 });
  expect(read).toBeGreaterThan(50);
});
