import { createCipheriv } from "node:crypto";
import { describe, expect, test } from "vitest";
import { memorySource } from "../../../src/core/binary/source.ts";
import type { Source } from "../../../src/core/binary/source.ts";
import { MkinitrdError } from "../../../src/core/errors.ts";
import { EVERY_FORMAT } from "../../../src/core/volumes/every-format.ts";
import { probe as probeWith } from "../../../src/core/volumes/probe.ts";
import { asContent, blkidFacts } from "../../fixtures/blkid.ts";
import { fixture, fixtureBytes } from "../../fixtures/fixture.ts";

/** As whoever looks at any disk asks. */
const probe = (source: Source) => probeWith(source, EVERY_FORMAT);

/** The disks of test/fixtures/rarer; `sizeBytes` is what their maker was given, or printed, where it states a size. */
const DISKS = [
  { name: "exfat", sizeBytes: 1048576 },
  { name: "exfat-none", sizeBytes: 2097152 },
  { name: "ntfs", sizeBytes: 2097152 - 512, kept: 48 * 1024 }, // the last sector is the boot sector's copy
  { name: "ntfs-64k", sizeBytes: 9 * 1048576 - 512, kept: 320 * 1024 },
  { name: "iso", sizeBytes: 358400 },
  { name: "iso-joliet", sizeBytes: 370688 },
  { name: "udf" },
  { name: "udf-2k" },
  { name: "udf-bridge" },
  { name: "hfs", sizeBytes: 1045504 },
  { name: "hfsplus", sizeBytes: 20480 },
  { name: "jfs", sizeBytes: 15515648, kept: 64 * 1024 }, // without its log and the work space of fsck
  { name: "reiserfs", sizeBytes: 33 * 1048576, kept: 72 * 1024 },
  { name: "reiserfs-35", sizeBytes: 33 * 1048576, kept: 72 * 1024 },
  { name: "nilfs", sizeBytes: 1048576 },
  { name: "gfs2" },
  { name: "ocfs2", sizeBytes: 32 * 1048576, kept: 64 * 1024 },
  { name: "minix", sizeBytes: 102400 },
  { name: "minix2", sizeBytes: 102400 },
  { name: "minix3", sizeBytes: 1048576 },
  { name: "cramfs", sizeBytes: 4096 },
  { name: "cramfs-big", sizeBytes: 4096 },
  { name: "romfs", sizeBytes: 144 },
  { name: "ubifs", sizeBytes: 13 * 15872 },
  { name: "verity" },
];

test.each(DISKS)("$name is what blkid says", async ({ kept, name, sizeBytes }) => {
  const facts = blkidFacts(`rarer/${name}.blkid.txt`);
  const { damage, label, mayBeRemains, version, ...content } = (await probe(await fixture(`rarer/${name}.img.gz`)))!;
  const { label: printed, ...known } = asContent(facts);
  expect(content).toEqual({ ...known, ...(sizeBytes === undefined ? {} : { sizeBytes }) });
  expect(label).toBe(printed);
  if (facts.VERSION !== undefined) expect(version).toBe(facts.VERSION);
  expect(damage ?? []).toEqual(kept === undefined ? [] : [expect.stringMatching(`cut short: it needs ${sizeBytes} bytes, ${name}.img has ${kept}`)]);
});

describe("a changed byte is seen", () => {
  const KIB = 1024;
  test.each([
    { name: "exfat", at: 72, field: "the size", found: /boot region's checksum is 0x[0-9a-f]{8}, it says 0x/ },
    { name: "exfat", at: 20, field: "the zeros", found: /bytes 11 to 63 are not zero/ },
    { name: "exfat", at: 80, field: "the FAT's place", found: /the FATs are sectors/ },
    { name: "exfat", at: 97, field: "the root directory", found: /the root directory is in cluster/ },
    { name: "exfat", at: 108, field: "the sector size", found: /the sector size is 1 << 246/ },
    { name: "exfat", at: 109, field: "the cluster size", found: /a cluster has 1 << / },
    { name: "exfat", at: 110, field: "the number of FATs", found: /it has 254 FATs/ },
    { name: "exfat", at: 11 * 512, field: "the checksum", found: /boot region's checksum/ },
    { name: "ntfs", at: 12, field: "the sector size", found: /the sector size is 64768 bytes/ },
    { name: "ntfs", at: 13, field: "the cluster size", found: /the MFT is in cluster 4, its copy in 255, of 7/ },
    { name: "ntfs", at: 16, field: "what only a FAT has", found: /fields that only a FAT has are not zero/ },
    { name: "ntfs", at: 48, field: "the MFT's place", found: /MFT is|there is no MFT/ },
    { name: "ntfs", at: 64, field: "the size of an MFT record", found: /the size of an MFT record is/ },
    { name: "ntfs", at: 16 * KIB, field: "the MFT", found: /there is no MFT at byte 16384/ },
    { name: "verity", at: 8, field: "the version", found: /its version is 254; known: 1/ },
    { name: "verity", at: 12, field: "the hash type", found: /its hash type is 254; known: 0, 1/ },
    { name: "verity", at: 33, field: "the algorithm", found: /its hash algorithm has no name/ },
    { name: "verity", at: 64, field: "the data block size", found: /a data block has \d+ bytes/ },
    { name: "verity", at: 70, field: "the hash block size", found: /a hash block has \d+ bytes/ },
    { name: "verity", at: 81, field: "the salt's length", found: /its salt has 65\d\d\d bytes, and room for 256/ },
    { name: "verity", at: 79, field: "the data blocks", found: /which no disk has room for/ },
  ])("$name: $field is refused", async ({ at, found, name }) => {
    await expect(probe(await fixture(`rarer/${name}.img.gz`, { flip: at }))).rejects.toThrow(found);
  });

  test.each([
    { name: "cramfs", at: 70, field: "the content", damage: "its checksum is wrong" },
    { name: "cramfs-big", at: 70, field: "the content", damage: "its checksum is wrong" },
    { name: "romfs", at: 20, field: "the label", damage: "its checksum is wrong" },
    { name: "nilfs", at: 1024 + 170, field: "the primary superblock", damage: "primary superblock damaged, the backup was used" },
  ])("$name: $field is told", async ({ at, damage, name }) => {
    const content = await probe(await fixture(`rarer/${name}.img.gz`, { flip: at }));
    expect(content?.damage).toEqual([damage]);
  });

  /** Where the magic alone would say too little, a value that does not fit makes it nothing. */
  test.each([
    { name: "iso", at: 32 * KIB + 80, field: "the size, in one of its byte orders" },
    { name: "iso", at: 32 * KIB + 131, field: "the block size, in one of its byte orders" },
    { name: "iso", at: 32 * KIB + 6, field: "the version" },
    { name: "udf", at: 128 * KIB + 4, field: "the anchor's checksum" },
    { name: "udf", at: 128 * KIB + 12, field: "the anchor's place" },
    { name: "hfs", at: KIB + 15, field: "the bitmap's place" },
    { name: "hfs", at: KIB + 23, field: "the block size" },
    { name: "hfs", at: KIB + 36, field: "the label's length" },
    { name: "hfsplus", at: KIB + 3, field: "the version" },
    { name: "hfsplus", at: KIB + 43, field: "the block size" },
    { name: "jfs", at: 32 * KIB + 17, field: "the block size" },
    { name: "jfs", at: 32 * KIB + 20, field: "its logarithm" },
    { name: "jfs", at: 32 * KIB + 28, field: "the device's block size" },
    { name: "reiserfs", at: 64 * KIB + 44, field: "the block size" },
    { name: "reiserfs", at: 64 * KIB + 58, field: "the magic's version" },
    { name: "gfs2", at: 64 * KIB + 26, field: "the format" },
    { name: "gfs2", at: 64 * KIB + 43, field: "the block size's logarithm" },
    { name: "ocfs2", at: 4 * KIB + 80, field: "its own place" },
    { name: "ocfs2", at: 4 * KIB + 248, field: "the block size" },
    { name: "minix", at: KIB + 11, field: "the zone size" },
    { name: "minix", at: KIB + 9, field: "the first zone" },
    { name: "minix2", at: KIB + 19, field: "the state" },
    { name: "minix3", at: KIB + 28, field: "the block size" },
    { name: "ubifs", at: 110, field: "the UUID" },
    { name: "cramfs", at: 20, field: "the signature" },
  ])("$name: without $field it is nothing", async ({ at, name }) => {
    expect(await probe(await fixture(`rarer/${name}.img.gz`, { flip: at }))).toBeUndefined();
  });
});

test("the early boot knows those that a root, a key file or a volume may be on, and not all the others", async () => {
  const types = await Promise.all(DISKS.map(async ({ name }) => (await probeWith(await fixture(`rarer/${name}.img.gz`)))?.type));
  expect([...new Set(types)]).toEqual(["exfat", "ntfs", "iso9660", undefined, "jfs", "reiserfs", "nilfs2", "gfs2", "ocfs2", "cramfs", "romfs", "DM_verity_hash"]);
});

test.each(DISKS)("$name cut short or with bytes changed is a value, nothing, or our error", async ({ name }) => {
  const original = fixtureBytes(`rarer/${name}.img.gz`);
  const noise = keystream(4096);
  const tried = async (bytes: Buffer) => probe(memorySource(bytes)).catch((error: unknown) => expect(error).toBeInstanceOf(MkinitrdError));
  for (const length of [0, 3, 511, 512, 1023, 1500, 4095, 6000, 32768, 33000, 65536, 65600, 131072]) await tried(original.subarray(0, length));
  const used = [...original.subarray(0, 140_000).keys()].filter((at) => original[at] !== 0);
  for (let index = 0; index < 100; index++) {
    const places = [0, 8].map((change) => used[noise.readUInt32LE(index * 16 + change) % used.length]!);
    const before = places.map((at) => original[at]!);
    for (const [change, at] of places.entries()) original[at] = noise[index * 16 + change * 8 + 4]!;
    await tried(original);
    for (const [change, at] of places.entries()) original[at] = before[change]!;
  }
}, 30_000);

test("noise is nothing: 200 blocks of 72 KiB", async () => {
  const noise = keystream(200 * 72 * 1024);
  for (let at = 0; at < noise.length; at += 72 * 1024) expect(await probe(memorySource(noise.subarray(at, at + 72 * 1024)))).toBeUndefined();
});

/** Encrypted volumes without a header are noise, and some have any short magic: each format checks more than that. */
test.each([
  { type: "minix", at: 1024 + 16, magic: [0x7f, 0x13] },
  { type: "minix 3", at: 1024 + 24, magic: [0x5a, 0x4d] },
  { type: "hfs", at: 1024, magic: [0x42, 0x44] },
  { type: "hfsplus", at: 1024, magic: [0x48, 0x2b] },
  { type: "nilfs2", at: 1024 + 6, magic: [0x34, 0x34] },
  { type: "via_raid_member", at: 8192 - 512, magic: [0x55, 0xaa] },
  { type: "hpt37x_raid_member", at: 4608 + 32, magic: [0xf0, 0x16, 0x78, 0x5a] },
  { type: "cs_fvault2", at: 88, magic: [0x43, 0x53] },
  { type: "jfs", at: 32768, magic: [...Buffer.from("JFS1")] },
  { type: "cramfs", at: 0, magic: [0x45, 0x3d, 0xcd, 0x28] },
  { type: "ubifs", at: 0, magic: [0x31, 0x18, 0x10, 0x06] },
  { type: "gfs2", at: 65536, magic: [0x01, 0x16, 0x19, 0x70] },
  { type: "scoutfs", at: 65536 + 4, magic: [0x8b, 0x42, 0x3c, 0x10] },
  { type: "vxfs", at: 1024, magic: [0xf5, 0xfc, 0x01, 0xa5] },
  { type: "nss", at: 4096, magic: [...Buffer.from("SPB5")] },
  { type: "befs", at: 32, magic: [...Buffer.from("1SFB")] },
  { type: "drbd", at: 8192 - 4096 + 60, magic: [0x83, 0x74, 0x02, 0x6b] },
])("the magic of $type in noise is nothing", async ({ at, magic }) => {
  const size = at < 8192 ? 8192 : 72 * 1024;
  const noise = keystream(size + 500 * 64);
  for (let round = 0; round < 500; round++) {
    const bytes = noise.subarray(round * 64, round * 64 + size);
    const kept = Buffer.from(bytes.subarray(at, at + magic.length));
    bytes.set(magic, at);
    expect(await probe(memorySource(bytes))).toBeUndefined();
    kept.copy(bytes, at);
  }
}, 60_000);

describe("the bytes read", () => {
  const LIMIT = 1024 * 1024;

  test.each([
    { name: "zeros", first: Buffer.alloc(0) },
    { name: "noise", first: keystream(72 * 1024) },
    ...DISKS.map(({ name }) => ({ name, first: fixtureBytes(`rarer/${name}.img.gz`) })),
  ])("of 8 PiB that begin with $name are less than 1 MiB", async ({ first }) => {
    let read = 0;
    const huge: Source = {
      name: "huge",
      sizeBytes: 2 ** 53 - 4096,
      async read(offsetBytes, lengthBytes) {
        read += lengthBytes;
        expect(read).toBeLessThanOrEqual(LIMIT);
        const bytes = Buffer.alloc(lengthBytes);
        first.copy(bytes, 0, Math.min(offsetBytes, first.length));
        return bytes;
      },
    };
    await probe(huge);
    expect(read).toBeGreaterThan(0);
  });
});

/** The same noise each time. */
function keystream(lengthBytes: number): Buffer {
  return createCipheriv("aes-128-ctr", Buffer.alloc(16, 7), Buffer.alloc(16, 1)).update(Buffer.alloc(lengthBytes));
}
