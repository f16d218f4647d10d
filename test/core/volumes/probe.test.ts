import fc from "fast-check";
import { expect, test } from "vitest";
import { memorySource } from "../../../src/core/binary/source.ts";
import type { Source } from "../../../src/core/binary/source.ts";
import { MkinitrdError } from "../../../src/core/errors.ts";
import { probe } from "../../../src/core/volumes/probe.ts";
import { USUAL_TYPES } from "../../../src/core/volumes/rarer-formats.ts";
import { asContent, blkidFacts } from "../../fixtures/blkid.ts";
import { fixture, fixtureBytes } from "../../fixtures/fixture.ts";

test.each(["ext2", "ext3", "ext4", "jbd", "xfs", "btrfs", "f2fs", "squashfs", "erofs", "fat12", "swap", "swsuspend"])("%s is of a usual type, with no mark that it may be remains", async (name) => {
  const content = await probe(await fixture(`fs/${name}.img.gz`));
  expect(USUAL_TYPES).toContain(content?.type);
  expect(content?.mayBeRemains).toBeUndefined();
});

const FILESYSTEMS = ["ext2", "ext3", "ext4", "jbd", "xfs", "xfs-v4", "btrfs", "fat12", "fat16", "fat32", "swap", "swap-64k", "swsuspend"];

test.each(FILESYSTEMS)("%s is told apart from the others as blkid does", async (name) => {
  const content = await probe(await fixture(`fs/${name}.img.gz`));
  expect(content).toMatchObject(asContent(blkidFacts(`fs/${name}.blkid.txt`)));
  expect(content?.damage).toBeUndefined();
});

test.each([
  { name: "luks1/two-keyslots", version: "1" },
  { name: "luks2/argon2", version: "2" },
])("$name is crypto_LUKS of version $version", async ({ name, version }) => {
  const { type, uuid } = asContent(blkidFacts(`${name}.blkid.txt`));
  expect(await probe(await fixture(`${name}.img.gz`))).toMatchObject({ type, uuid, version });
});

test("a physical volume is LVM2_member with the PV's UUID", async () => {
  const content = await probe(await fixture("lvm2/orphan.img.gz"));
  expect(content).toEqual({
    type: "LVM2_member",
    version: "LVM2 001",
    uuid: "abcdef-GHIJ-klmn-OPQR-stuv-WXYZ-012345",
    sizeBytes: 2 * 1024 * 1024,
  });
});

test("where blkid refuses to choose between two filesystems, so do we", async () => {
  expect(blkidFacts("fs/ambivalent.blkid.txt")).toEqual({});
  await expect(probe(await fixture("fs/ambivalent.img.gz"))).rejects.toThrow(/signatures of ext4 and btrfs[^]*wipefs/);
});

test("a container over the remains of a filesystem is the container", async () => {
  const label = fixtureBytes("lvm2/orphan.img.gz").subarray(512, 1024);
  const content = await probe(await fixture("fs/btrfs.img.gz", { write: [{ at: 512, bytes: label }] }));
  expect(content?.type).toBe("LVM2_member");
});

test("a filesystem over the remains of a LUKS2 header is the filesystem", async () => {
  const bytes = fixtureBytes("luks2/argon2.img.gz");
  const ext4 = fixtureBytes("fs/ext4.img.gz").subarray(0, 4096); // the primary is gone, the secondary is not
  ext4.copy(bytes);
  expect(await probe(memorySource(bytes))).toMatchObject({ type: "ext4", label: "sixteen-letters-" });
});

test("a LUKS2 volume whose primary header is gone is found by the secondary, and that is told", async () => {
  const bytes = fixtureBytes("luks2/argon2.img.gz").fill(0, 0, 4096);
  const content = await probe(memorySource(bytes));
  expect(content).toMatchObject({ type: "crypto_LUKS", version: "2" });
  expect(content?.damage).not.toEqual([]);
});

test("what was cut short is found, and that is told", async () => {
  const content = await probe(await fixture("fs/ext4.img.gz", { truncate: 1024 * 1024 }));
  expect(content).toMatchObject({ type: "ext4" });
  expect(content?.damage).toEqual(["cut short: it needs 2097152 bytes, ext4.img has 1048576"]);
});

test("a damaged label beside a sound filesystem is told, and hides nothing", async () => {
  const label = fixtureBytes("lvm2/orphan.img.gz").subarray(512, 1024).fill(0, 100, 101).fill(9, 500);
  const content = await probe(await fixture("fs/ext4.img.gz", { write: [{ at: 512, bytes: label }] }));
  expect(content).toMatchObject({ type: "ext4" });
  expect(content?.damage).toEqual([expect.stringMatching(/reading the LVM2 label on ext4.img, sector 1/)]);
});

test("a signature with damage behind it and nothing else is an error", async () => {
  await expect(probe(await fixture("fs/xfs.img.gz", { flip: 40 }))).rejects.toThrow(/superblock's CRC/);
});

test.each([0, 1, 511, 512, 1024, 4096, 65536])("%i zero bytes are nothing", async (length) => {
  expect(await probe(memorySource(Buffer.alloc(length)))).toBeUndefined();
});

test("a device that can't be read is an error that says so, and not an empty one", async () => {
  const broken: Source = {
    name: "/dev/vdz",
    sizeBytes: 1024 * 1024,
    async read(): Promise<Buffer> {
      throw new MkinitrdError({ tried: "reading", on: "/dev/vdz", found: "the device reports an I/O error" });
    },
  };
  await expect(probe(broken)).rejects.toThrow(/I\/O error/);
});

test("any bytes behind any signature give a value or our error, with no read out of bounds and none that is large", async () => {
  const signatures = [
    { at: 0, bytes: Buffer.from("XFSB") },
    { at: 0, bytes: Buffer.from("LUKS\xba\xbe\0\x01", "latin1") },
    { at: 0, bytes: Buffer.from("LUKS\xba\xbe\0\x02", "latin1") },
    { at: 0, bytes: Buffer.from([0xeb, 0x3c, 0x90]) },
    { at: 82, bytes: Buffer.from("FAT32   ") },
    { at: 512, bytes: Buffer.from("LABELONE") },
    { at: 1024 + 0x38, bytes: Buffer.from([0x53, 0xef]) },
    { at: 4086, bytes: Buffer.from("SWAPSPACE2") },
    { at: 65536 + 64, bytes: Buffer.from("_BHRfS_M") },
  ];
  const piece = fc.record({ at: fc.nat({ max: 70_000 }), bytes: fc.uint8Array({ maxLength: 600 }) });
  await fc.assert(fc.asyncProperty(fc.subarray(signatures), fc.array(piece, { maxLength: 6 }), async (signed, pieces) => {
    const bytes = Buffer.alloc(72 * 1024);
    for (const { at, bytes: written } of [...pieces, ...signed]) bytes.set(written.subarray(0, bytes.length - at), at);
    const memory = memorySource(bytes);
    const watched: Source = {
      ...memory,
      async read(offsetBytes, lengthBytes) {
        expect(lengthBytes).toBeLessThanOrEqual(4 * 1024 * 1024);
        return memory.read(offsetBytes, lengthBytes);
      },
    };
    try {
      await probe(watched);
    } catch (error) {
      expect(error).toBeInstanceOf(MkinitrdError);
    }
  }), { numRuns: 1000 });
});
