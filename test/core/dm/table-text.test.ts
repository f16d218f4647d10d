import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { memorySource } from "../../../src/core/binary/source.ts";
import { openTarget } from "../../../src/core/dm/open-target.ts";
import { openTable } from "../../../src/core/dm/table.ts";
import { parseTable, tableLines } from "../../../src/core/dm/table-text.ts";
import { MkinitrdError } from "../../../src/core/errors.ts";

const disk = memorySource(Buffer.alloc(64 * 512, 7), "disk.img");
const resolve = (path: string) => (path === "none" ? undefined : { path, source: disk });
const parse = (text: string) => parseTable(text, resolve);
const KEY = "00112233445566778899aabbccddeeff";

/** Lines as dmsetup printed them, of volumes that LVM, cryptsetup and veritysetup had made. */
const PRINTED = [
  "0 3840 linear 253:0 4608",
  "0 5120 striped 2 8 253:0 2432 253:1 2048",
  "0 2560 raid raid1 3 0 region_size 2048 2 253:0 253:1 253:2 253:3",
  "0 1536 raid raid0 1 16 2 - 253:3 - 253:4",
  "0 1280 mirror core 1 1024 2 253:0 0 253:1 0 1 handle_errors",
  "0 32768 mirror disk 2 253:5 4096 2 253:0 0 253:1 0 1 handle_errors",
  "0 24576 thin-pool 253:0 253:1 128 0 0",
  "0 40960 thin 253:2 2",
  "0 2048 snapshot 253:3 253:4 P 8",
  "0 2048 snapshot-merge 253:3 253:4 P 8",
  "0 2048 snapshot-origin 253:3",
  "0 32768 cache 253:2 253:1 253:3 128 2 metadata2 writethrough smq 2 migration_threshold 8192",
  "0 1024 crypt aes-xts-plain64 :64:logon:cryptsetup:c84d8b0a-d2f4-4b0c-9d4a-8e5a4d1d7a6e-d0 0 8:17 32768 2 allow_discards sector_size:4096",
  "0 512 crypt cipher_null-ecb - 0 8:17 4096",
  `0 48 verity 1 253:0 253:1 4096 4096 6 1 sha256 ${KEY}${KEY} - 1 ignore_zero_blocks`,
  `0 4096 verity 1 253:0 253:1 4096 4096 512 1 sha256 ${KEY}${KEY} 0011 8 use_fec_from_device 253:2 fec_blocks 517 fec_start 0 fec_roots 2`,
  "0 4096 writecache s 253:6 253:5 4096 4 high_watermark 90 low_watermark 80",
  "0 64 zero",
  "0 64 error",
];

test.each(PRINTED)("%s is printed as it was read", (line) => {
  expect(tableLines(parse(line)[0]!.targets)).toEqual([line]);
});

test("the tables of several devices are joined by their names, as dmsetup prints them without one", () => {
  const text = "vg-root: 0 8 linear 8:1 0\nvg-swap: 0 8 linear 8:1 64\nvg-root: 8 8 error \nempty: \na\\x20b: 0 8 zero \n";
  expect(parse(text).map(({ name, targets }) => [name, ...tableLines(targets)])).toEqual([
    ["vg-root", "0 8 linear 8:1 0", "8 8 error"],
    ["vg-swap", "0 8 linear 8:1 64"],
    ["empty"],
    ["a\\x20b", "0 8 zero"],
  ]);
  expect(tableLines(parse(text)[0]!.targets, { name: "vg-root" })).toEqual(["vg-root: 0 8 linear 8:1 0", "vg-root: 8 8 error"]);
  expect(parse("No devices found\n# of dmsetup create\n\n")).toEqual([]);
});

test("a target of another type is kept as it stands, and can't be opened", () => {
  const [table] = parse("0 8 vdo V4 /dev/sdb 1024 4096");
  expect(tableLines(table!.targets)).toEqual(["0 8 vdo V4 /dev/sdb 1024 4096"]);
  expect(() => openTable("t", table!.targets, openTarget)).toThrow(/the target "vdo": it can't be read here/);
});

test("a key is zeros when it is printed, unless it was asked for", () => {
  const [table] = parse(`0 8 crypt aes-cbc-plain ${KEY} 0 8:1 0`);
  expect(tableLines(table!.targets)).toEqual([`0 8 crypt aes-cbc-plain ${"0".repeat(32)} 0 8:1 0`]);
  expect(tableLines(table!.targets, { showKeys: true })).toEqual([`0 8 crypt aes-cbc-plain ${KEY} 0 8:1 0`]);
});

describe("what can't be is refused, and named", () => {
  test.each([
    ["linear", /line 1: it is none: \[NAME:\] START LENGTH TARGET/],
    ["99999999999999999999 8 zero", /"99999999999999999999" sectors are more than a device can have/],
    ["0 8 linear none 0", /"0 8 linear": the device is "none", which is no device at hand/],
    ["0 8 linear 8:1", /it ends before the sector of the device/],
    ["0 8 linear 8:1 x", /the sector of the device is "x", and no whole number from 0/],
    ["0 8 linear 8:1 0 0", /"0" is left at its end/],
    ["0 8 striped 0 8", /the number of stripes is "0", and no whole number from 1/],
    ["0 8 striped 9999999 8 8:1 0", /it ends before stripe 1/],
    ["0 8 raid raid1 99 0", /99 parameters are announced, 1 words are left/],
    ["0 8 verity 2 8:1 8:1", /the hash type is 2; known: 0, 1/],
    ["0 8 verity 1 8:1 8:1 4096 4096 1 1 sha256 xyz -", /the root digest is "xyz", which is not hexadecimal/],
    [`0 8 crypt aes-cbc-plain ${KEY}x 0 8:1 0`, /the key is neither hexadecimal nor a key of the keyring/],
  ])("%s", (line, found) => {
    expect(() => parse(line)).toThrow(found);
  });

  test.each([
    [`0 8 crypt cast6-xts-plain64 ${KEY} 0 8:1 0`, /the cipher "cast6" can't be computed here; known: aes, aria, camellia, serpent, sm4, twofish in xts, cbc, ecb, with the IV plain/],
    [`0 8 crypt aes-lrw-plain64 ${KEY} 0 8:1 0`, /the mode "lrw" can't be computed here/],
    [`0 8 crypt aes-cbc-lmk ${KEY} 0 8:1 0`, /the IV "lmk" can't be computed here/],
    [`0 8 crypt aes-cbc-essiv:nope ${KEY} 0 8:1 0`, /the hash "nope" can't be computed here/],
    [`0 8 crypt capi:authenc(hmac(sha256),xts(aes))-random ${KEY} 0 8:1 0`, /can't be computed here/],
    [`0 8 crypt ${KEY} 0 8:1 0 0`, /the key is neither|it ends before|the cipher: it is missing/],
    [`0 8 crypt aes-xts-plain64 ${KEY} 0 8:1 0`, /a key of 8 bytes does not fit/],
    [`0 8 crypt aes-xts-plain64 ${KEY}00 0 8:1 0`, /a key of 17 bytes has no two halves/],
    [`0 8 crypt aes-cbc-plain - 0 8:1 0`, /it has no key/],
    [`0 8 crypt aes-xts-plain64 :64:logon:x 0 8:1 0`, /its key is in the kernel's keyring/],
    [`0 9 crypt aes-cbc-plain ${KEY} 0 8:1 0 1 sector_size:4096`, /9 sectors are no whole number of those of 4096 bytes/],
    [`0 8 crypt aes-cbc-plain ${KEY} 0 8:1 0 1 sector_size:768`, /the option "sector_size:768" is unknown; known: allow_discards/],
    [`0 8 crypt aes-cbc-plain ${KEY} 0 8:1 0 1 integrity:32:aead`, /integrity:32:aead: what is authenticated can't be read here/],
    [`0 8 crypt aes-cbc-plain ${KEY} 0 8:1 60`, /disk.img: it ends at byte 32768/],
    ["0 8 verity 1 8:1 8:1 4096 4096 1 1 crc32 00 -", /the hash algorithm "crc32" can't be computed here/],
    ["0 8 verity 1 8:1 8:1 4096 4096 1 1 sha256 00 -", /the root digest has 1 bytes, sha256 gives 32/],
    [`0 8 verity 1 8:1 8:1 4096 4095 1 1 sha256 ${KEY}${KEY} -`, /a block has 4095 bytes/],
    [`0 16 verity 1 8:1 8:1 4096 4096 1 1 sha256 ${KEY}${KEY} -`, /it has 16 sectors, and the hash tree covers 1 blocks/],
    [`0 56 verity 1 8:1 8:1 4096 4096 7 8 sha256 ${KEY}${KEY} -`, /disk.img: it ends at byte 32768/],
    ["0 16 raid raid7 1 8 2 - 8:1 - 8:1", /the type "raid7" is unknown; known: raid0, raid1/],
    ["0 16 raid raid5_ls 1 8 3 - 8:1 - - - -", /disks 1, 2 of 3 are missing, 1 may be/],
    ["0 16 raid raid5_ls 1 0 3 - 8:1 - 8:1 - 8:1", /the chunk has "0" sectors/],
    ["0 16 raid raid5_ls 3 8 delta_disks 1 3 - 8:1 - 8:1 - 8:1", /delta_disks is 1: it is being reshaped/],
    ["0 16 raid raid10 3 8 raid10_format round 2 - 8:1 - 8:1", /in the format "round"; known: near, far, offset/],
    ["0 16 raid raid1 1 0 2 - - - -", /all of its 2 legs are missing/],
    ["0 64 thin 8:1 0", /that is no pool/],
    ["0 64 snapshot 8:1 8:1 N 8", /its store is "N", which only the kernel that wrote it can read/],
  ])("opening %s", (line, found) => {
    let message = "";
    try {
      openTable("t", parse(line)[0]!.targets, openTarget);
    } catch (error) {
      expect(error).toBeInstanceOf(MkinitrdError);
      message = String(error);
    }
    expect(message).toMatch(found);
    expect(message).not.toContain(KEY.slice(0, 8));
  });
});

test("an error target says which sectors can't be read", async () => {
  const source = openTable("t", parse("0 8 zero\n8 8 error")[0]!.targets, openTarget);
  expect(await source.read(0, 4096)).toEqual(Buffer.alloc(4096));
  await expect(source.read(4000, 1000)).rejects.toThrow("reading sectors 8 to 9 on the target error: it can't be read");
});

test("after it was closed, a crypt target gives nothing", async () => {
  const source = openTable("t", parse(`0 8 crypt aes-xts-plain64 ${KEY}${KEY} 0 8:1 0`)[0]!.targets, openTarget);
  await source.read(0, 512);
  await source.close?.();
  await expect(source.read(0, 512)).rejects.toThrow("it is closed");
  await source.close?.();
});

test("any words give a table or an error of ours, and what opens is read or refused", async () => {
  const word = fc.oneof(
    fc.constantFrom(...PRINTED.flatMap((line) => line.split(" ")), "-", "none", KEY, "aes-cbc-essiv:sha256", "aes-xts-plain64", "sha1", "raid6_zr", "raid10", "raid4", "rebuild", "region_size", "iv_large_sectors", "sector_size:4096", "512", "1024"),
    fc.nat({ max: 2 ** 31 }).map(String), fc.nat({ max: 9 }).map(String));
  const mutated = fc.tuple(fc.constantFrom(...PRINTED), fc.array(fc.tuple(fc.nat({ max: 20 }), word), { maxLength: 5 })).map(([line, changes]) => {
    const words = line.split(" ");
    for (const [at, other] of changes) words[at % (words.length + 1)] = other;
    return words.join(" ");
  });
  await fc.assert(fc.asyncProperty(fc.oneof(mutated, fc.array(word, { maxLength: 16 }).map((words) => words.join(" ")), fc.string()), async (line) => {
    try {
      for (const { targets } of parse(line)) {
        const source = openTable("t", targets.map((target) => ({ ...target, startSector: 0 })).slice(0, 1), openTarget);
        await source.read(0, Math.min(source.sizeBytes, 20_000));
        await source.read(Math.max(0, source.sizeBytes - 513), Math.min(source.sizeBytes, 513));
        await source.close?.();
      }
    } catch (error) {
      if (!(error instanceof MkinitrdError)) throw error;
    }
  }), { seed: 1, numRuns: 3000 });
}, 60_000);
