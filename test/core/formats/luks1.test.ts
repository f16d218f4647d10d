import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { memorySource } from "../../../src/core/binary/source.ts";
import { MkinitrdError } from "../../../src/core/errors.ts";
import { probeLuks1 } from "../../../src/core/formats/luks1.ts";
import { fixture, fixtureBytes } from "../../fixtures/fixture.ts";

const DISK = "luks1/two-keyslots.img.gz";

/** As two-keyslots.luksDump.txt and two-keyslots.blkid.txt say; the material of disabled keyslots is read off the disk. */
const EXPECTED = {
  cipherName: "aes",
  cipherMode: "xts-plain64",
  hash: "sha256",
  payloadSector: 4096,
  keyBytes: 64,
  digestIterations: 1000,
  uuid: "01234567-89ab-cdef-0123-456789abcdef",
  damage: [],
};

test("a header made by cryptsetup reads as luksDump prints it", async () => {
  const header = await probeLuks1(await fixture(DISK));
  expect(header).toMatchObject(EXPECTED);
  expect(header?.keyslots).toHaveLength(8);
  const dump = fixtureBytes("luks1/two-keyslots.luksDump.txt").toString();
  const [digestSalt, ...salts] = [...dump.matchAll(/[sS]alt:\s+((?:[0-9a-f]{2}\s+)+)/g)].map(([, hex = ""]) => Buffer.from(hex.replaceAll(/\s/g, ""), "hex"));
  expect([header?.digestSalt, header?.digest.toString("hex")]).toEqual([digestSalt, /MK digest:\s+(.*)/.exec(dump)?.[1]?.replaceAll(/\s/g, "")]);
  expect(header?.keyslots.filter(({ active }) => active)).toEqual([
    { number: 0, active: true, iterations: 1000, salt: salts[0], keyMaterialSector: 8, stripes: 4000 },
    { number: 3, active: true, iterations: 1234, salt: salts[1], keyMaterialSector: 1520, stripes: 4000 },
  ]);
});

test.each([
  { field: "signature", flip: 5 },
  { field: "version", flip: 7 },
])("a changed byte in the $field makes it no LUKS1", async ({ flip }) => {
  expect(await probeLuks1(await fixture(DISK, { flip }))).toBeUndefined();
});

const keyslot = (number: number, byte: number): number => 208 + 48 * number + byte;

describe("one changed byte is refused", () => {
  test.each([
    { field: "cipherName", flip: 8, found: /cipherName is "\\?.*"/ },
    { field: "cipherMode", flip: 40, found: /cipherMode is/ },
    { field: "hash", flip: 72, found: /hash is/ },
    { field: "keyBytes", flip: 108, found: /the volume key has 4278190144 bytes/ },
    { field: "uuid", flip: 168, found: /UUID is "/ },
    { field: "stripes of an active keyslot", flip: keyslot(0, 47), found: /keyslot 0 has 3935 stripes, it must be 4000/ },
    { field: "stripes of a disabled keyslot", flip: keyslot(5, 44), found: /keyslot 5 has \d+ stripes/ },
    { field: "keyMaterialSector, inside the next keyslot", flip: keyslot(0, 43), found: /keyslots 0 and 1 overlap at sector 512/ },
    { field: "keyMaterialSector, behind the payload", flip: keyslot(3, 40), found: /keyslot 3 ends at sector/ },
  ])("$field", async ({ flip, found }) => {
    await expect(probeLuks1(await fixture(DISK, { flip }))).rejects.toThrow(found);
  });
});

test("a payload that begins inside a keyslot is refused", async () => {
  const disk = await fixture(DISK, { write: [{ at: 104, bytes: Buffer.from([0, 0, 0x0f, 0xc3]) }] });
  await expect(probeLuks1(disk)).rejects.toThrow("keyslot 7 ends at sector 4036, the payload begins at sector 4035");
});

test("keyslots that overlap are refused", async () => {
  const disk = await fixture(DISK, { write: [{ at: keyslot(1, 40), bytes: Buffer.from([0, 0, 0, 9]) }] });
  await expect(probeLuks1(disk)).rejects.toThrow("keyslots 0 and 1 overlap at sector 9");
});

test("a keyslot inside the header is refused", async () => {
  const disk = await fixture(DISK, { write: [{ at: keyslot(2, 40), bytes: Buffer.from([0, 0, 0, 1]) }] });
  await expect(probeLuks1(disk)).rejects.toThrow("keyslot 2 begins at sector 1, inside the header");
});

test("a keyslot in no known state counts as disabled, and that is told", async () => {
  const header = await probeLuks1(await fixture(DISK, { flip: keyslot(0, 3) }));
  expect(header?.keyslots[0]?.active).toBe(false);
  expect(header?.damage).toEqual(["keyslot 0 is neither active nor disabled, its state is 0x00ac710c: it counts as disabled"]);
});

test("a detached header has no payload offset, and its keyslots no bound", async () => {
  const header = await probeLuks1(await fixture(DISK, { write: [{ at: 104, bytes: Buffer.alloc(4) }] }));
  expect(header?.payloadSector).toBe(0);
});

describe("edges", () => {
  test.each([0, 5, 7])("a file of %d bytes is no LUKS1", async (truncate) => {
    expect(await probeLuks1(await fixture(DISK, { truncate }))).toBeUndefined();
  });

  test.each([8, 100, 208, 591])("a header that is cut at byte %d is an error", async (truncate) => {
    await expect(probeLuks1(await fixture(DISK, { truncate }))).rejects.toBeInstanceOf(MkinitrdError);
  });

  test("the first 592 bytes are enough", async () => {
    expect(await probeLuks1(await fixture(DISK, { truncate: 592 }))).toMatchObject(EXPECTED);
  });
});

test("changed bytes give a header or a MkinitrdError", async () => {
  const original = fixtureBytes(DISK).subarray(0, 1024);
  const change = fc.tuple(fc.integer({ min: 6, max: 591 }), fc.uint8Array({ minLength: 1, maxLength: 8 }));
  await fc.assert(
    fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 5 }), async (changes) => {
      const bytes = Buffer.from(original);
      for (const [at, written] of changes) bytes.set(written, at);
      await probeLuks1(memorySource(bytes)).catch((error: unknown) => expect(error).toBeInstanceOf(MkinitrdError));
    }),
    { numRuns: 500 },
  );
});
