import { describe, expect, test } from "vitest";
import { readTruecryptHeader } from "../../../src/core/formats/truecrypt.ts";
import { withKeyFiles } from "../../../src/core/formats/truecrypt-keyfiles.ts";
import { compileRecipe } from "../../../src/host/qemu/compile.ts";
import type { Content, FilesystemContent, Recipe } from "../../../src/host/qemu/recipe.ts";
import { parseRecipe } from "../../../src/host/qemu/recipe-schema.ts";
import type { Step } from "../../../src/host/qemu/steps.ts";

const DISKS = ["/dev/vda", "/dev/vdb"];

function compile(text: string): Step[] {
  return compileRecipe(parseRecipe(text, "test.yaml"), { disks: DISKS, archive: (root) => (root.kind === "busybox" ? "/dev/vdc" : "/dev/vdd") });
}

/** The programs in order; of busybox and lvm the command, too. */
const programs = (steps: Step[]): string[] => steps.map(({ program, args }) => (["busybox", "lvm"].includes(program) ? `${program} ${args[0]}` : program));
const find = (steps: Step[], program: string): Step => steps.find((step) => programs([step])[0] === program) ?? expect.fail(`no ${program}`);

describe("a partition table", () => {
  test("is a script for sfdisk, in sectors, and is then read again by the kernel", () => {
    const [table, reread] = compile("disks: [{ size: 64M, id: 6e1b1c5f-53c2-4f41-9d0e-4c1a7c5f0b01, partitions: [{ size: 1M, label: one, uuid: 0f3b5a35-8a37-4d8e-b1f2-6b1d1c2a3e01 }, { type: swap }] }]");
    expect(table).toMatchObject({ program: "sfdisk", input: [
      "label: gpt",
      "label-id: 6e1b1c5f-53c2-4f41-9d0e-4c1a7c5f0b01",
      "",
      'size=2048, type=0FC63DAF-8483-4772-8E79-3D69D8477DE4, uuid=0f3b5a35-8a37-4d8e-b1f2-6b1d1c2a3e01, name="one"',
      "type=0657FD6D-A4AB-43C4-84E5-0933C84B4F4F",
      "",
    ].join("\n") });
    expect(reread?.args).toEqual(["blockdev", "--rereadpt", "/dev/vda"]);
  });
});

describe("LUKS", () => {
  const steps = compile("disks: [{ size: 64M, partitions: [{ content: { luks: { passphrase: correct horse, content: { filesystem: ext4, root: busybox } } } }] }]");

  test("its passphrase goes in on standard input and stands in no argument", () => {
    expect(steps.filter(({ input }) => input === "correct horse").map(({ args }) => args[0])).toEqual(["luksFormat", "open"]);
    expect(JSON.stringify(steps.map(({ args }) => args))).not.toContain("horse");
  });

  test("is closed when what is in it is done", () => {
    expect(programs(steps)).toEqual([
      "sfdisk", "busybox blockdev", "cryptsetup", "cryptsetup", "mke2fs", "busybox mkdir", "busybox mount", "busybox tar", "busybox umount", "cryptsetup", "busybox sync",
    ]);
    expect(steps.at(-2)?.args).toEqual(["close", "luks-vda1"]);
  });

  test("the costs of its key are fixed, so that nothing is measured", () => {
    expect(find(steps, "cryptsetup").args.join(" ")).toContain("--pbkdf argon2id --pbkdf-force-iterations 4 --pbkdf-memory 32768 --pbkdf-parallel 1");
  });

  test("without a content it is not opened", () => {
    expect(programs(compile("disks: [{ size: 64M, table: none, content: { luks: { passphrase: x } } }]"))).toEqual(["cryptsetup", "busybox sync"]);
  });
});

describe("TrueCrypt", () => {
  const steps = compile(`
disks: [{ size: 64M, table: none, content: { tcrypt: { passphrase: outer, cipher: twofish-aes, hash: whirlpool, keyfiles: [one], content: { filesystem: vfat },
  hidden: { size: 8M, passphrase: inner, hash: sha512, content: { filesystem: ext4 } } } } }]`);

  test("the tcplay program makes outer and hidden volume, and gets each passphrase in a record of 255 bytes", () => {
    const { args, input } = find(steps, "tcplay");
    expect(args.join(" ")).toBe("--create --device /dev/vda --insecure-erase --weak-keys --pbkdf-prf whirlpool --cipher TWOFISH-256-XTS,AES-256-XTS"
      + " --keyfile /run/key--dev-vda-outer-0 --hidden --pbkdf-prf-hidden SHA512 --cipher-hidden AES-256-XTS");
    const record = (secret: string) => secret.padEnd(255, "\0");
    expect(input).toBe([record("outer"), record("outer"), record("inner"), record("inner"), "8388608\n", "y\n"].join(""));
  });

  test("the outer volume is closed before the hidden one is opened", () => {
    expect(steps.filter(({ program }) => program === "cryptsetup").map(({ args }) => args.filter((arg) => /^(open|close|--tcrypt-hidden|tcrypt-.*)$/.test(arg)).join(" "))).toEqual([
      "open tcrypt-vda", "close tcrypt-vda", "open --tcrypt-hidden tcrypt-vda-hidden", "close tcrypt-vda-hidden",
    ]);
  });
});

describe("VeraCrypt", () => {
  const text = "disks: [{ size: 64M, table: none, content: { veracrypt: { size: 64M, passphrase: correct horse, pim: 3, hash: sha256, content: { filesystem: ext4 } } } }]";
  const steps = compile(text);

  test("its header and the copy are ours, the same each time, and cryptsetup reads them before they are used", () => {
    const [write, copy, dumpCopy, dump, open] = steps;
    const raw = Buffer.from(write?.input ?? "", "base64");
    const opened = { passphrase: Buffer.from("correct horse"), hash: "sha256" as const, iterations: 18_000 };
    expect(readTruecryptHeader(raw, opened, { name: "x", sizeBytes: 64 * 2 ** 20 })).toMatchObject({ type: "veracrypt", payloadOffsetBytes: 131072, payloadBytes: 64 * 2 ** 20 - 262144 });
    expect(compile(text)[0]?.input).toBe(write?.input);
    expect(readTruecryptHeader(Buffer.from(copy?.input ?? "", "base64"), opened, { name: "x", sizeBytes: 64 * 2 ** 20 })).toMatchObject({ payloadBytes: 64 * 2 ** 20 - 262144 });
    expect(copy?.args.slice(-2)).toEqual(["/dev/vda", String((64 * 2 ** 20 - 131072) / 512)]);
    expect([dumpCopy?.args.join(" "), dump?.args.join(" "), open?.args.join(" ")]).toEqual([
      "tcryptDump --hash sha256 --cipher aes --veracrypt-pim 3 --tcrypt-backup /dev/vda",
      "tcryptDump --hash sha256 --cipher aes --veracrypt-pim 3 /dev/vda",
      "open --type tcrypt --hash sha256 --cipher aes --veracrypt-pim 3 /dev/vda veracrypt-vda",
    ]);
  });
});

describe("VeraCrypt with key files and a hidden volume", () => {
  const steps = compile("disks: [{ size: 64M, table: none, content: { veracrypt: { size: 64M, passphrase: correct horse, pim: 3, hash: sha256, hidden: true, keyfiles: [one key, two], content: { filesystem: ext4 } } } }]");
  const DEVICE = { name: "x", sizeBytes: 64 * 2 ** 20 };
  const headers = steps.filter(({ args }) => args[0] === "sh").map(({ args, input }) => ({ at: Number(args.at(-1)) * 512, raw: Buffer.from(input ?? "", "base64") }));

  test("has its header at 64 KiB, of which the passphrase with its key files is the key, and says where the volume lies", () => {
    expect(headers.map(({ at }) => at)).toEqual([0, 63.875 * 2 ** 20, 65536, 64 * 2 ** 20 - 65536]);
    const passphrase = withKeyFiles(Buffer.from("correct horse"), [Buffer.from("one key"), Buffer.from("two")]);
    const read = readTruecryptHeader(headers[2]!.raw, { passphrase, hash: "sha256", iterations: 18_000 }, DEVICE);
    expect(read).toMatchObject({ hiddenVolumeBytes: 62.75 * 2 ** 20, payloadBytes: 62.75 * 2 ** 20, payloadOffsetBytes: 1.125 * 2 ** 20 });
    expect(readTruecryptHeader(headers[0]!.raw, { passphrase, hash: "sha256", iterations: 18_000 }, DEVICE)).toBeUndefined();
  });

  test("is opened with both by cryptsetup", () => {
    expect(steps.filter(({ program }) => program === "cryptsetup").map(({ args }) => args.join(" "))[2]).toBe(
      "open --type tcrypt --hash sha256 --cipher aes --veracrypt-pim 3 --tcrypt-hidden --key-file /run/key--dev-vda-veracrypt-0 --key-file /run/key--dev-vda-veracrypt-1 /dev/vda veracrypt-vda");
  });
});

test("a plain volume whose passphrase is a key file's is that key, and not a line of it", () => {
  const plain: Content = { kind: "plain", passphrase: "0123456789abcdef", isKey: true, cipher: "aes-cbc-plain64", keyBits: 128, hash: "sha256", offsetSectors: 8, skipSectors: 2, sectorBytes: 4096, content: { kind: "pv", vg: "vg" } };
  const recipe = parseRecipe("disks: [{ size: 64M, table: none }]", "test.yaml");
  const [open] = compileRecipe({ ...recipe, disks: [{ ...recipe.disks[0]!, content: plain }] }, { disks: DISKS, archive: () => "" });
  expect(open).toMatchObject({ input: "0123456789abcdef" });
  expect(open!.args.join(" ")).toBe("open --batch-mode --type plain --cipher aes-cbc-plain64 --key-size 128 --hash plain --offset 8 --skip 2 --sector-size 4096 --key-file - /dev/vda plain-vda");
});

test("a detached header may lie on a partition or a whole disk behind that of its volume; tables come first", () => {
  const luks = (header: string) => `{ luks: { passphrase: x, header: ${header}, content: { filesystem: vfat, files: { k: v } } } }`;
  const recipe = parseRecipe(`disks: [{ size: 64M, partitions: [{ content: ${luks("head")} }] }, { size: 64M, partitions: [{ label: head }] }]`, "test.yaml");
  const compiled = (one: Recipe) => compileRecipe(one, { disks: DISKS, archive: () => "" });
  const steps = compiled(recipe);
  expect(programs(steps).slice(0, 5)).toEqual(["sfdisk", "busybox blockdev", "sfdisk", "busybox blockdev", "cryptsetup"]);
  expect(find(steps, "cryptsetup").args.join(" ")).toContain("--header /dev/vdb1 ");
  const whole = compiled({ ...recipe, disks: [recipe.disks[0]!, { sizeBytes: 2 ** 26, table: undefined, content: { kind: "header", name: "head" } }] });
  expect(find(whole, "cryptsetup").args.join(" ")).toContain("--header /dev/vdb ");
});

test("files lie in directories, too", () => {
  const recipe = parseRecipe("disks: [{ size: 64M, table: none, content: { filesystem: ext4, files: { k: v } } }]", "test.yaml");
  const content = { ...recipe.disks[0]!.content as FilesystemContent, files: { "keys/root.key": "v" } };
  const steps = compileRecipe({ ...recipe, disks: [{ ...recipe.disks[0]!, content }] }, { disks: DISKS, archive: () => "" });
  expect(steps.map(({ args }) => args.join(" "))).toEqual(expect.arrayContaining(["mkdir -p /mnt/keys", "dd of=/mnt/keys/root.key"]));
});

describe("system encryption", () => {
  const text = (type: string) => `disks: [{ size: 64M, partitions: [{ size: 1536K }, { size: 16M, content: { veracrypt: { type: ${type}, system: true, size: 16M, passphrase: x, hash: ripemd160, content: { filesystem: ext4 } } } }] }]`;

  test.each([["truecrypt", 1000], ["veracrypt", 2048]])("of %s has its header in sector 62 of the disk, with the partition's place and %i iterations", (type, iterations) => {
    const [, , write, dump, open] = compile(text(type));
    expect(write?.args.slice(-2)).toEqual(["/dev/vda", "62"]);
    const read = readTruecryptHeader(Buffer.from(write?.input ?? "", "base64"), { passphrase: Buffer.from("x"), hash: "ripemd160", iterations }, { name: "x", sizeBytes: 64 * 2 ** 20 });
    // sfdisk begins partitions at multiples of 1 MiB
    expect(read).toMatchObject({ type, system: true, payloadOffsetBytes: 3 * 2 ** 20, payloadBytes: 16 * 2 ** 20 });
    for (const step of [dump, open]) expect(step?.args.join(" ")).toMatch(/--tcrypt-system \/dev\/vda2/);
  });
});

describe("an md array", () => {
  const steps = compile(`
disks: [{ size: 64M, table: none, content: { md: old } }, { size: 64M, table: none, content: { md: old } }]
arrays: { old: { level: 1, metadata: "0.90", uuid: 6b1f0d5e-9c1a-4a52-8d0e-3f2b7c4a9e04, content: { pv: vg } } }
volume-groups: { vg: { logical-volumes: [{ name: a, content: { filesystem: ext4 } }] } }`);

  test("is made of all its members, holds what lies on it, and is stopped behind that", () => {
    expect(programs(steps)).toEqual(["mdadm", "lvm pvcreate", "lvm vgcreate", "lvm lvcreate", "mke2fs", "lvm vgchange", "mdadm", "busybox sync"]);
    expect(steps[0]?.args.join(" ")).toBe("--create /dev/md0 --run --assume-clean --level=1 --metadata=0.90 --bitmap=none --uuid=6b1f0d5e-9c1a-4a52-8d0e-3f2b7c4a9e04 --raid-devices=2 /dev/vda /dev/vdb");
    expect(steps[1]?.args).toContain("/dev/md0");
  });
});

describe("LVM", () => {
  const striped = compile(`
disks: [{ size: 64M, table: none, content: { pv: vg-a } }, { size: 64M, table: none, content: { pv: vg-a } }]
volume-groups: { vg-a: { logical-volumes: [{ name: lv-0, size: 32M, stripes: 2, content: { filesystem: ext4 } }] } }`);

  test("a group is made when all its physical volumes are there", () => {
    expect(programs(striped)).toEqual(["lvm pvcreate", "lvm vgcreate", "lvm lvcreate", "mke2fs", "lvm vgchange", "busybox sync"]);
    expect(find(striped, "lvm vgcreate").args.slice(-3)).toEqual(["vg-a", "/dev/vda", "/dev/vdb"]);
  });

  test("each command sees the devices of its group alone", () => {
    for (const { program, args } of striped) if (program === "lvm") expect(args.join(" ")).toContain("--devices /dev/vda,/dev/vdb");
  });

  test("stripes have their number and size", () => {
    expect(find(striped, "lvm lvcreate").args.join(" ")).toContain("--size 33554432b --stripes 2 --stripesize 64k");
  });

  test.each([
    { type: "mirror", words: "--type mirror --nosync --mirrors 1 --mirrorlog disk --size 8388608b vg" },
    { type: "raid1", words: "--type raid1 --nosync --mirrors 1 --size 8388608b vg" },
    { type: "thin", words: "--type thin --virtualsize 8388608b --size 8388608b --thinpool lv_pool vg" },
    { type: "snapshot, origin: first", words: "--type snapshot --size 8388608b vg/first" },
  ])("a volume of type $type is made with lvcreate $words", ({ type, words }) => {
    const steps = compile(`
disks: [{ size: 64M, table: none, content: { pv: vg } }, { size: 64M, table: none, content: { pv: vg } }]
volume-groups: { vg: { logical-volumes: [{ name: first, size: 8M }, { name: lv, size: 8M, type: ${type} }] } }`);
    expect(steps.filter(({ args }) => args[0] === "lvcreate")[1]?.args.join(" ")).toContain(words);
  });

  test("a cache is put in front of its volume before the filesystem is made", () => {
    const steps = compile(`
disks: [{ size: 64M, table: none, content: { pv: vg } }]
volume-groups: { vg: { logical-volumes: [{ name: lv, size: 8M, type: cache, content: { filesystem: ext4 } }] } }`);
    expect(programs(steps)).toEqual(["lvm pvcreate", "lvm vgcreate", "lvm lvcreate", "lvm lvcreate", "mke2fs", "lvm vgchange", "busybox sync"]);
    expect(steps[3]?.args.join(" ")).toMatch(/--type cache --size 8m vg\/lv$/);
  });

  test("a dash in a name is doubled in the device's path", () => {
    expect(find(striped, "mke2fs").args.at(-1)).toBe("/dev/mapper/vg--a-lv--0");
  });

  test("what lies inside of LUKS is closed before the LUKS is", () => {
    const steps = compile(`
disks: [{ size: 64M, table: none, content: { luks: { passphrase: x, content: { pv: vg00 } } } }]
volume-groups: { vg00: { logical-volumes: [{ name: lv0, content: { luks: { passphrase: y, content: { filesystem: ext4 } } } }] } }`);
    expect(steps.slice(-4).map(({ args }) => args.join(" "))).toEqual([
      "close luks-vg00-lv0", "vgchange --quiet --devices /dev/mapper/luks-vda --activate n vg00", "close luks-vda", "sync",
    ]);
  });
});

describe("a filesystem", () => {
  test.each([
    { fstype: "ext4", uuid: "2f1c7c5e-7e9e-4d6d-8f3e-0d9b1d0a6c01", program: "mke2fs", args: "-L DATA -U 2f1c7c5e-7e9e-4d6d-8f3e-0d9b1d0a6c01 /dev/vda" },
    { fstype: "xfs", uuid: "2f1c7c5e-7e9e-4d6d-8f3e-0d9b1d0a6c01", program: "mkfs.xfs", args: "-L DATA -m uuid=2f1c7c5e-7e9e-4d6d-8f3e-0d9b1d0a6c01 /dev/vda" },
    { fstype: "btrfs", uuid: "2f1c7c5e-7e9e-4d6d-8f3e-0d9b1d0a6c01", program: "mkfs.btrfs", args: "-L DATA -U 2f1c7c5e-7e9e-4d6d-8f3e-0d9b1d0a6c01 /dev/vda" },
    { fstype: "vfat", uuid: "1A2B-3C4D", program: "mkfs.vfat", args: "-n DATA -i 1A2B3C4D /dev/vda" },
    { fstype: "swap", uuid: "2f1c7c5e-7e9e-4d6d-8f3e-0d9b1d0a6c01", program: "mkswap", args: "-L DATA -U 2f1c7c5e-7e9e-4d6d-8f3e-0d9b1d0a6c01 /dev/vda" },
  ])("$fstype is made by $program with its label and UUID", ({ fstype, uuid, program, args }) => {
    const steps = compile(`disks: [{ size: 64M, table: none, content: { filesystem: ${fstype}, label: DATA, uuid: ${uuid} } }]`);
    expect(find(steps, program).args.join(" ")).toContain(args);
  });

  test("its root's files come from the archive of that root", () => {
    const steps = compile("disks: [{ size: 64M, table: none, content: { filesystem: ext4, root: { directory: debian } } }]");
    expect(find(steps, "busybox tar").args).toContain("/dev/vdd");
  });
});

test("the last step brings everything to the disks", () => {
  expect(compile("disks: [{ size: 64M }]").at(-1)?.args).toEqual(["sync"]);
});

describe("btrfs and images of a root", () => {
  test("a btrfs on two disks is made when both are there, and mounted with both", () => {
    const steps = compile("disks: [{ size: 160M, table: none, content: { filesystem: btrfs, label: pool, subvolume: '@', root: busybox } }, { size: 160M, table: none, content: { member: pool } }]");
    expect(find(steps, "mkfs.btrfs").args.slice(-2)).toEqual(DISKS);
    expect(find(steps, "busybox mount").args).toContain("device=/dev/vdb");
    expect(find(steps, "btrfs").args).toEqual(["subvolume", "create", "/mnt/@"]);
    expect(find(steps, "busybox tar").args.at(-1)).toBe("/mnt/@");
  });

  test("a squashfs is made of the root's files, which are removed then", () => {
    const steps = compile("disks: [{ size: 16M, table: none, content: { filesystem: squashfs, root: busybox } }]");
    expect(programs(steps)).toEqual(["busybox mkdir", "busybox tar", "mksquashfs", "busybox rm", "busybox sync"]);
  });

  test.each([
    { content: "{ member: nothing }", found: /a device of nothing, which is the label of no btrfs, or of several; known: none/ },
    { content: "{ filesystem: ext4, subvolume: home }", found: /can't lie on ext4: only btrfs has them/ },
    { content: "{ filesystem: squashfs }", found: /is made of a root's files: root is missing/ },
    { content: "{ filesystem: squashfs, uuid: 2f1c7c5e-7e9e-4d6d-8f3e-0d9b1d0a6c22, root: busybox }", found: /is nothing that a squashfs is made with/ },
  ])("$content is refused", ({ content, found }) => {
    expect(() => compile(`disks: [{ size: 64M, table: none, content: ${content} }]`)).toThrow(found);
  });
});
