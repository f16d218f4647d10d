import { readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { readKinds } from "../../../src/host/config/kinds.ts";
import { packageRoot } from "../../../src/host/package-root.ts";
import { parseRecipe, readRecipe } from "../../../src/host/qemu/recipe-schema.ts";

const parse = (text: string) => parseRecipe(text, "/lab/images/test.yaml");
const IMAGES = join(packageRoot(), "images");

test.each(readdirSync(IMAGES).filter((name) => name.endsWith(".yaml")))("images/%s is a valid recipe that says what it is", async (name) => {
  const recipe = readRecipe(join(IMAGES, name), await readKinds());
  expect(recipe.about).toMatch(/^[A-Z].*\.$/);
  expect(recipe.realroot).not.toBe("");
});

describe("what is not given", () => {
  test("a disk has a GPT, a partition is a Linux one and takes the rest", () => {
    const { disks } = parse("disks: [{ size: 64M, partitions: [{}] }]");
    expect(disks[0]).toMatchObject({ sizeBytes: 64 * 1024 ** 2, table: { type: "gpt", partitions: [{ type: "0FC63DAF-8483-4772-8E79-3D69D8477DE4", sizeBytes: undefined }] } });
  });

  test("LUKS is LUKS2 with a cheap argon2id", () => {
    const { disks } = parse("disks: [{ size: 64M, table: none, content: { luks: { passphrase: x } } }]");
    expect(disks[0]?.content).toMatchObject({ kind: "luks", version: 2, pbkdf: { type: "argon2id", iterations: 4, memoryBytes: 32 * 1024 ** 2, threads: 1 } });
  });

  test("LUKS1 has pbkdf2 with the fewest iterations that cryptsetup takes", () => {
    const { disks } = parse("disks: [{ size: 64M, table: none, content: { luks: { version: 1, passphrase: x } } }]");
    expect(disks[0]?.content).toMatchObject({ version: 1, pbkdf: { type: "pbkdf2", iterations: 1000 } });
  });

  test("a recipe is named after its file", () => {
    expect(parse("disks: [{ size: 64M }]")).toMatchObject({ name: "test", folder: "/lab/images", about: "", realroot: "", answers: {}, volumeGroups: [] });
  });
});

test("a root may be a Debian, with files of its own on top", () => {
  const { disks } = parse(`
disks:
  - size: 1G
    table: none
    content:
      filesystem: ext4
      root:
        debian: bookworm
        files:
          /etc/crypttab: "pv0 UUID=1 none luks\\n"
          /etc/keys/home.key: { text: secret, mode: "0600" }
`);
  expect(disks[0]?.content).toMatchObject({ root: {
    kind: "debian", suite: "bookworm",
    files: [{ path: "/etc/crypttab", text: "pv0 UUID=1 none luks\n", mode: 0o644 }, { path: "/etc/keys/home.key", text: "secret", mode: 0o600 }],
  } });
});

test.each([
  { file: "etc/fstab: x", found: /"etc\/fstab", which has not the right form/ },
  { file: "/etc/../../x: x", found: /x", which has not the right form/ },
  { file: '/etc/fstab: { text: x, mode: "999" }', found: /mode/ },
])("a file of a Debian root that can't be written is refused: $file", ({ file, found }) => {
  expect(() => parse(`disks: [{ size: 1G, table: none, content: { filesystem: ext4, root: { debian: bookworm, files: { ${file} } } } }]`)).toThrow(found);
});

test("contents nest, and a root may be a directory", () => {
  const { disks } = parse(`
disks:
  - size: 1G
    table: dos
    partitions:
      - { size: 100M, type: "83" }
      - content: { luks: { passphrase: x, content: { filesystem: ext4, root: { directory: ../roots/debian } } } }
`);
  expect(disks[0]?.table?.partitions[1]?.content).toMatchObject({ kind: "luks", content: { kind: "filesystem", fstype: "ext4", root: { kind: "directory", path: "../roots/debian" } } });
});

test("an answer may be a list, and a number is typed as it is written", () => {
  expect(parse("disks: [{ size: 64M }]\nanswers: { Passphrase: [wrong, right], PIN: 1234 }").answers).toEqual({ Passphrase: ["wrong", "right"], PIN: ["1234"] });
});

describe("refused, with line and column", () => {
  test.each([
    { what: "a size without a unit", text: "disks:\n  - size: 64", found: /on line 2, column 11: disks\[0\]\.size is 64/ },
    { what: "a size of nothing", text: 'disks:\n  - size: "0M"', found: /line 2, column 11: disks\[0\]\.size is no size like 64M or 4G/ },
    { what: "an unknown table", text: "disks:\n  - { size: 64M, table: mbr }", found: /line 2, column 25: disks\[0\]\.table is "mbr"; known: gpt, dos, none/ },
    { what: "an unknown key", text: "disks:\n  - { size: 64M, partition: [] }", found: /the key "partition" in disks\[0\], did you mean partitions\?/ },
    { what: "an unknown partition type", text: "disks:\n  - { size: 64M, partitions: [{ type: lvm2 }] }", found: /partitions\[0\]\.type is "lvm2"; known: linux, luks, lvm, swap, efi, or a GUID/ },
    { what: "partitions without a table", text: "disks:\n  - { size: 64M, table: none, partitions: [{}] }", found: /partitions needs a table/ },
    { what: "a content beside a table", text: "disks:\n  - { size: 64M, content: { pv: a } }", found: /content needs `table: none`/ },
    { what: "a disk that no file can be", text: "disks:\n  - { size: 1000000T }", found: /size is more than 8T/ },
    { what: "a partition behind one that takes the rest", text: "disks:\n  - { size: 64M, partitions: [{}, {}] }", found: /partitions\[0\]\.size is missing: only the last/ },
    { what: "a name in a DOS table", text: "disks:\n  - { size: 64M, table: dos, partitions: [{ label: a }] }", found: /label is of a GPT alone/ },
    { what: "a content of two kinds", text: "disks:\n  - { size: 64M, table: none, content: { pv: a, filesystem: ext4 } }", found: /content holds pv and filesystem; one of them/ },
    { what: "a content of no kind", text: "disks:\n  - { size: 64M, table: none, content: {} }", found: /content holds none of luks, plain, tcrypt, veracrypt, pv, md, member, filesystem/ },
    { what: "a label without a filesystem", text: "disks:\n  - { size: 64M, table: none, content: { pv: a, label: b } }", found: /label belongs to a filesystem/ },
    { what: "a UUID that is none", text: "disks:\n  - { size: 64M, table: none, content: { filesystem: ext4, uuid: abc } }", found: /uuid is "abc", no UUID/ },
    { what: "a long UUID on vfat", text: "disks:\n  - { size: 64M, table: none, content: { filesystem: vfat, uuid: 2f1c7c5e-7e9e-4d6d-8f3e-0d9b1d0a6c01 } }", found: /no volume ID like 1A2B-3C4D/ },
    { what: "a root on vfat", text: "disks:\n  - { size: 64M, table: none, content: { filesystem: vfat, root: busybox } }", found: /root can't lie on vfat/ },
    { what: "argon2 in LUKS1", text: "disks:\n  - { size: 64M, table: none, content: { luks: { version: 1, passphrase: x, pbkdf: { type: argon2id } } } }", found: /pbkdf\.type is argon2id; LUKS1 has pbkdf2 alone/ },
    { what: "a label that would end sfdisk's quotes", text: "disks:\n  - { size: 64M, partitions: [{ label: 'a\", b' }] }", found: /label holds a quote/ },
    { what: "a group without physical volumes", text: "disks: [{ size: 64M }]\nvolume-groups:\n  vg00: { logical-volumes: [{ name: a }] }", found: /line 3, column 9: vg00 has no physical volume/ },
    { what: "more stripes than physical volumes", text: "disks: [{ size: 64M, table: none, content: { pv: vg00 } }]\nvolume-groups:\n  vg00: { logical-volumes: [{ name: a, stripes: 2 }] }", found: /2 stripes need 2 physical volumes; vg00 has 1/ },
    { what: "a member of no array", text: "disks: [{ size: 64M, table: none, content: { md: a } }]", found: /line 1, column 50: a member of a, which arrays does not have; known: none/ },
    { what: "fewer members than the level wants", text: "disks: [{ size: 64M, table: none, content: { md: a } }]\narrays: { a: { level: 5 } }", found: /1 members: contents that are `md: a`; level 5 wants 3/ },
    { what: "a level that md has not", text: "disks: [{ size: 64M }]\narrays: { a: { level: 7 } }", found: /level/ },
    { what: "an unknown type of logical volume", text: "disks: [{ size: 64M, table: none, content: { pv: vg } }]\nvolume-groups:\n  vg: { logical-volumes: [{ name: a, size: 8M, type: raid7 }] }", found: /type is "raid7"; known: linear, mirror, raid1/ },
    { what: "a raid1 on one physical volume", text: "disks: [{ size: 64M, table: none, content: { pv: vg } }]\nvolume-groups:\n  vg: { logical-volumes: [{ name: a, size: 8M, type: raid1 }] }", found: /raid1 of 1 stripes need 2 physical volumes; vg has 1/ },
    { what: "a raid5 on one physical volume", text: "disks: [{ size: 64M, table: none, content: { pv: vg } }]\nvolume-groups:\n  vg: { logical-volumes: [{ name: a, size: 8M, type: raid5 }] }", found: /raid5 of 2 stripes need 3 physical volumes; vg has 1/ },
    { what: "stripes of a thin volume", text: "disks: [{ size: 64M, table: none, content: { pv: vg } }]\nvolume-groups:\n  vg: { logical-volumes: [{ name: a, size: 8M, type: thin, stripes: 2 }] }", found: /stripes are of linear, raid5, raid10 alone/ },
    { what: "a snapshot of nothing", text: "disks: [{ size: 64M, table: none, content: { pv: vg } }]\nvolume-groups:\n  vg: { logical-volumes: [{ name: a, size: 8M, type: snapshot }] }", found: /origin is missing: which volume/ },
    { what: "a snapshot of a volume behind it", text: "disks: [{ size: 64M, table: none, content: { pv: vg } }]\nvolume-groups:\n  vg: { logical-volumes: [{ name: a, size: 8M, type: snapshot, origin: b }, { name: b, size: 8M }] }", found: /b is no volume before it; known: none/ },
    { what: "a snapshot with a content", text: "disks: [{ size: 64M, table: none, content: { pv: vg } }]\nvolume-groups:\n  vg: { logical-volumes: [{ name: b, size: 8M }, { name: a, size: 8M, type: snapshot, origin: b, content: { filesystem: ext4 } }] }", found: /content is that of its origin/ },
    { what: "a thin volume without a size", text: "disks: [{ size: 64M, table: none, content: { pv: vg } }]\nvolume-groups:\n  vg: { logical-volumes: [{ name: a, type: thin }] }", found: /size is missing: only a linear one/ },
    { what: "a physical volume of no group", text: "disks: [{ size: 64M, table: none, content: { pv: vg01 } }]", found: /line 1, column 50: a physical volume of vg01, which volume-groups does not have; known: none/ },
    { what: "a physical volume of no group, in LUKS in a partition", text: "disks:\n  - { size: 64M, partitions: [{ content: { luks: { passphrase: x, content: {\n      pv: vg01 } } } }] }", found: /line 3, column 11: a physical volume of vg01/ },
    { what: "system encryption of a whole disk", text: "disks: [{ size: 64M, table: none, content: { veracrypt: { system: true, size: 64M, passphrase: x } } }]", found: /it is of a partition/ },
    { what: "two system encryptions of one disk", text: `disks: [{ size: 64M, partitions: [${Array(2).fill("{ size: 8M, content: { veracrypt: { system: true, size: 8M, passphrase: x } } }").join(", ")}] }]`, found: /room for one such header/ },
    { what: "a TrueCrypt volume that tcplay makes", text: "disks: [{ size: 64M, table: none, content: { veracrypt: { type: truecrypt, size: 64M, passphrase: x } } }]", found: /tcplay program makes those/ },
    { what: "TrueCrypt with SHA-256", text: "disks: [{ size: 64M, partitions: [{ size: 8M, content: { veracrypt: { type: truecrypt, system: true, hash: sha256, size: 8M, passphrase: x } } }] }]", found: /TrueCrypt has ripemd160/ },
    { what: "a claim beside a content", text: "disks: [{ size: 64M, table: none, content: { veracrypt: { size: 8M, claims: 9M, passphrase: x, content: { filesystem: ext4 } } } }]", found: /claims belongs to a volume/ },
    { what: "partitions that are larger than the disk", text: "disks:\n  - { size: 64M, partitions: [{ size: 32M }, { size: 32M }] }", found: /line 2, column 30: they take 67108864 bytes of a disk of 67108864/ },
  ])("$what", ({ text, found }) => {
    expect(() => parse(text)).toThrow(found);
  });
});
