import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { memorySource } from "../../../src/core/binary/source.ts";
import type { Source } from "../../../src/core/binary/source.ts";
import { MkinitrdError } from "../../../src/core/errors.ts";
import { luks2KdfMemoryBytes, probeLuks2, unknownRequirements } from "../../../src/core/formats/luks2.ts";
import { fixture, fixtureBytes } from "../../fixtures/fixture.ts";

const DISK = "luks2/argon2.img.gz";
const KIB = 1024;
const SECONDARY = 16 * KIB;

/** As argon2.luksDump.txt, argon2.json and argon2.blkid.txt say. */
const EXPECTED = {
  uuid: "01234567-89ab-cdef-0123-456789abcde2",
  label: "Fläche",
  subsystem: "mkinitrd test",
  seqid: 8n,
  headerBytes: 16 * KIB,
  metadata: {
    keyslots: [
      {
        number: 0,
        type: "luks2",
        keyBytes: 32,
        priority: 1,
        area: { type: "raw", offsetBytes: 32768, sizeBytes: 131072, encryption: "aes-xts-plain64", keyBytes: 32 },
        kdf: { type: "argon2id", time: 4, memoryKib: 32768, cpus: 1 },
        antiForensic: { stripes: 4000, hash: "sha256" },
      },
      { number: 1, area: { offsetBytes: 163840, keyBytes: 16 }, kdf: { type: "argon2i", time: 5, memoryKib: 65536, cpus: 2 } },
      { number: 2, priority: 2, area: { offsetBytes: 294912 }, kdf: { type: "pbkdf2", hash: "sha256", iterations: 1000 } },
    ],
    segments: [
      {
        number: 0,
        type: "crypt",
        offsetBytes: 1048576n,
        sizeBytes: "dynamic",
        flags: [],
        crypt: { encryption: "aes-xts-plain64", ivTweak: 0n, sectorBytes: 512 },
      },
    ],
    digests: [{ number: 0, type: "pbkdf2", keyslots: [0, 1, 2], segments: [0] }],
    tokens: [{ number: 0, type: "luks2-keyring", keyslots: [0] }],
    config: { jsonBytes: 12288, keyslotsBytes: 524288, flags: [], requirements: [] },
  },
};

test("a header made by cryptsetup reads as luksDump prints it", async () => {
  const header = await probeLuks2(await fixture(DISK));
  expect(header).toMatchObject({ ...EXPECTED, usedCopy: "primary", damage: [] });
  expect(header?.metadata.keyslots).toHaveLength(3);
});

test("sectors of 4096 bytes and headers of 32 KiB are read", async () => {
  const header = await probeLuks2(await fixture("luks2/sector-4096.img.gz"));
  expect(header).toMatchObject({
    uuid: "01234567-89ab-cdef-0123-456789abcde3",
    label: "",
    subsystem: "",
    headerBytes: 32 * KIB,
    damage: [],
    metadata: { segments: [{ offsetBytes: 524288n, crypt: { sectorBytes: 4096 } }], config: { jsonBytes: 28672, keyslotsBytes: 131072 } },
  });
});

test("the memory that keyslots want is said of the cheapest and of the dearest", async () => {
  const [argon2, pbkdf2] = [await probeLuks2(await fixture(DISK)), await probeLuks2(await fixture("luks2/sector-4096.img.gz"))];
  expect(argon2 && luks2KdfMemoryBytes(argon2)).toEqual({ least: 0, most: 64 * KIB * KIB });
  expect(pbkdf2 && luks2KdfMemoryBytes(pbkdf2)).toEqual({ least: 0, most: 0 });
});

const CASES = [
  { field: "version", byte: 7, found: /version is 253, known: 1, 2/ },
  { field: "headerBytes", byte: 14, found: /header size is 48896 bytes, it must be a power of two from 16384 to 4194304/ },
  { field: "seqid", byte: 23, found: /checksum is 0x[0-9a-f]{16}…, the header says 0x/ },
  { field: "label", byte: 24, found: /checksum is/ },
  { field: "checksumAlgorithm", byte: 72, found: /checksum algorithm is ".*", known: sha1/ },
  { field: "salt", byte: 104, found: /checksum is/ },
  { field: "uuid", byte: 168, found: /checksum is/ },
  { field: "headerOffset", byte: 263, found: /it says that it is at byte 255/ },
  { field: "checksum", byte: 448, found: /checksum is/ },
  { field: "padding", byte: 4095, found: /checksum is/ },
  { field: "JSON area", byte: 4096, found: /checksum is/ },
  { field: "end of the JSON area", byte: 16 * KIB - 1, found: /checksum is/ },
];

describe("one changed byte of the primary makes the secondary the one that is used", () => {
  test.each([{ field: "signature", byte: 0, found: /it has no signature/ }, ...CASES])("$field", async ({ byte, found }) => {
    const header = await probeLuks2(await fixture(DISK, { flip: byte }));
    expect(header).toMatchObject({ ...EXPECTED, usedCopy: "secondary" });
    expect(header?.damage).toEqual([expect.stringMatching(found)]);
    expect(header?.damage[0]).toMatch(/^primary header damaged, the secondary was used: /);
  });
});

describe("with both copies damaged there is an error that names the primary's", () => {
  test.each(CASES)("$field", async ({ byte, found }) => {
    const disk = await fixture(DISK, { flip: [byte, SECONDARY + 104] });
    await expect(probeLuks2(disk)).rejects.toThrow(found);
    await expect(probeLuks2(disk)).rejects.toThrow("reading the LUKS2 header on argon2.img at byte 0: ");
  });
});

test.each([
  { field: "signature", byte: 0, found: /^secondary header damaged: it has no signature/ },
  { field: "JSON area", byte: 5000, found: /^secondary header damaged: checksum is/ },
])("a damaged $field of the secondary is told, and the primary used", async ({ byte, found }) => {
  const header = await probeLuks2(await fixture(DISK, { flip: SECONDARY + byte }));
  expect(header).toMatchObject({ ...EXPECTED, usedCopy: "primary", damage: [expect.stringMatching(found)] });
});

test("a secondary whose primary is gone is only looked for on request", async () => {
  const disk = await fixture(DISK, { write: [{ at: 0, bytes: Buffer.alloc(4096) }] });
  expect(await probeLuks2(disk, { secondary: false })).toBeUndefined();
  expect(await probeLuks2(disk)).toMatchObject({ ...EXPECTED, usedCopy: "secondary" });
  const damaged = await fixture(DISK, { flip: 72 });
  expect(await probeLuks2(damaged, { secondary: false })).toMatchObject({ usedCopy: "secondary" });
});

test("a first sector that can't be read makes the secondary the one that is used", async () => {
  const disk = await fixture(DISK);
  const worn: Source = {
    ...disk,
    async read(offsetBytes, lengthBytes) {
      if (offsetBytes >= 512) return disk.read(offsetBytes, lengthBytes);
      throw new MkinitrdError({ tried: "reading", on: "worn.img", found: "the device reports an I/O error" });
    },
  };
  const header = await probeLuks2(worn);
  expect(header).toMatchObject({ ...EXPECTED, usedCopy: "secondary" });
  expect(header?.damage).toEqual(["primary header damaged, the secondary was used: the device reports an I/O error"]);
  await expect(probeLuks2(worn, { secondary: false })).rejects.toThrow("I/O error");
});

describe("the newer copy is used", () => {
  test("the secondary, when its epoch is higher", async () => {
    const header = await probeLuks2(memorySource(reseal(SECONDARY, (bytes) => bytes.writeBigUInt64BE(9n, 16))));
    expect(header).toMatchObject({ usedCopy: "secondary", seqid: 9n });
    expect(header?.damage).toEqual(["primary header is older, the secondary was used: epoch 8, the other has 9"]);
  });

  test("the primary, when the secondary's epoch is lower", async () => {
    const header = await probeLuks2(memorySource(reseal(SECONDARY, (bytes) => bytes.writeBigUInt64BE(7n, 16))));
    expect(header).toMatchObject({ usedCopy: "primary", damage: ["secondary header is older: epoch 7, the primary has 8"] });
  });
});

describe("edges", () => {
  test.each([0, 4, 5])("a file of %d bytes is no LUKS2", async (truncate) => {
    expect(await probeLuks2(await fixture(DISK, { truncate }))).toBeUndefined();
  });

  test.each([6, 8, 512, 4095, 4096, 16 * KIB - 1])("a header that is cut at byte %d is an error", async (truncate) => {
    await expect(probeLuks2(await fixture(DISK, { truncate }))).rejects.toThrow("it ends at byte");
  });

  test("a keyslots area that is cut short is an error with both sizes", async () => {
    const disk = await fixture(DISK, { truncate: 557055 });
    await expect(probeLuks2(disk)).rejects.toThrow("header and keyslots take 557056 bytes, there are 557055");
  });

  test("LUKS1 and zeros are no LUKS2", async () => {
    expect(await probeLuks2(await fixture("luks1/two-keyslots.img.gz"))).toBeUndefined();
    expect(await probeLuks2(memorySource(Buffer.alloc(8 * KIB * KIB)))).toBeUndefined();
  });
});

describe("what a valid checksum does not make right", () => {
  test.each([
    { what: "a UUID that is a path", change: (bytes: Buffer) => void bytes.write("../../etc\0", 168), found: /UUID is "..\/..\/etc"/ },
    { what: "text in front of the object", change: json((text) => ` ${text}`), found: /the JSON text is no object/ },
    { what: "no JSON", change: json(() => "{]}"), found: /the JSON text can't be parsed/ },
    { what: "arrays 5000 deep without end", change: json(() => `{"a":${"[".repeat(5000)}}`), found: /can't be parsed/ },
    { what: "no zero behind the text", change: (bytes: Buffer) => void bytes.fill("x", 4096), found: /fills all of its 12288 bytes/ },
    { what: "bytes behind the text", change: (bytes: Buffer) => void bytes.writeUInt8(1, 16383), found: /byte 12287 is not zero/ },
    { what: "a keyslot without KDF", change: replace(/"kdf":/, '"kdx":'), found: /keyslots\.0\.kdf is missing, it must be an object/ },
    { what: "memory as text", change: replace(/"memory":32768/, '"memory":"1"'), found: /keyslots\.0\.kdf\.memory is "1", it must be a number/ },
    { what: "memory over 32 bits", change: replace(/"memory":32768/, '"memory":4294967296'), found: /memory is 4294967296/ },
    { what: "an area inside the header", change: replace(/"32768"/, '"28672"'), found: /keyslot 0 has its area at bytes 28672 to/ },
    { what: "areas that overlap", change: replace(/"163840"/, '"163839"'), found: /the areas of keyslots 0 and 1 overlap at byte 163839/ },
    { what: "a digest of a missing keyslot", change: replace(/\["0","1","2"\]/, '["0","1","7"]'), found: /digest 0 names keyslot 7/ },
    { what: "a keyslot without digest", change: replace(/\["0","1","2"\]/, '["0","1"]'), found: /keyslot 2 has 0 digests/ },
    { what: "a token of a missing keyslot", change: replace(/"keyslots":\["0"\]/, '"keyslots":["9"]'), found: /token 0 names keyslot 9/ },
    { what: "a segment inside the keyslots area", change: replace(/"1048576"/, '"512"'), found: /the first segment begins at byte 512/ },
    { what: "a segment inside a sector", change: replace(/"1048576"/, '"1048577"'), found: /segment 0 begins at byte 1048577, inside a sector/ },
    { what: "a segment of no size", change: replace(/"dynamic"/, '"0"'), found: /segments\.0\.size is 0/ },
    { what: "a sector of 100 bytes", change: replace(/"sector_size":512/, '"sector_size":100'), found: /must be a multiple of 512/ },
    { what: "another JSON size", change: replace(/"12288"/, '"16384"'), found: /the JSON area has 12288 bytes, json_size says 16384/ },
    { what: "a key that is no number", change: replace(/"2":\{/, '"x":{'), found: /keyslots\.x has no number as its key/ },
    { what: "a key of the prototype", change: replace(/"2":\{/, '"__proto__":{'), found: /keyslots\.__proto__ has no number/ },
  ])("$what", async ({ change, found }) => {
    const bytes = reseal(0, change);
    bytes.fill(0, SECONDARY, SECONDARY + 6);
    await expect(probeLuks2(memorySource(bytes))).rejects.toThrow(found);
  });
});

test("requirements are told apart by whether cryptsetup knows them", async () => {
  const change = replace(/"json_size"/, '"requirements":{"mandatory":["online-reencrypt-v2","from-the-future"]},"json_size"');
  const header = await probeLuks2(memorySource(reseal(0, change)));
  expect(header && unknownRequirements(header)).toEqual(["from-the-future"]);
});

test("changed metadata with a valid checksum gives a header or a MkinitrdError", async () => {
  const text = fixtureBytes(DISK).subarray(4096, 16384).toString().replace(/\0.*/s, "");
  await fc.assert(
    fc.asyncProperty(fc.nat(text.length), fc.nat(40), fc.constantFrom("", "0", '"', "{}", "[]", "null", "-1", '"0"', ",", "9".repeat(30)), async (at, cut, put) => {
      const bytes = reseal(0, json(() => text.slice(0, at) + put + text.slice(at + cut)));
      await probeLuks2(memorySource(bytes)).catch((error: unknown) => expect(error).toBeInstanceOf(MkinitrdError));
    }),
    { numRuns: 300 },
  );
});

test("changed bytes give a header or a MkinitrdError", async () => {
  const original = fixtureBytes(DISK);
  const change = fc.tuple(fc.nat(32767), fc.uint8Array({ minLength: 1, maxLength: 8 }));
  await fc.assert(
    fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 4 }), async (changes) => {
      const bytes = Buffer.from(original);
      for (const [at, written] of changes) bytes.set(written, at);
      await probeLuks2(memorySource(bytes)).catch((error: unknown) => expect(error).toBeInstanceOf(MkinitrdError));
    }),
    { numRuns: 200 },
  );
});

/** The disk with one of its headers changed, and the checksum made right again. */
function reseal(offset: number, change: (header: Buffer) => void): Buffer {
  const disk = fixtureBytes(DISK);
  const header = disk.subarray(offset, offset + 16 * KIB);
  change(header);
  header.fill(0, 448, 512);
  header.set(createHash("sha256").update(header).digest(), 448);
  return disk;
}

/** Rewrites the JSON text of a header. */
function json(edit: (text: string) => string): (header: Buffer) => void {
  return (header) => {
    const text = edit(header.toString("utf8", 4096).replace(/\0.*/s, ""));
    header.fill(0, 4096);
    header.write(text, 4096);
  };
}

function replace(pattern: RegExp, replacement: string): (header: Buffer) => void {
  return json((text) => {
    expect(text).toMatch(pattern);
    return text.replace(pattern, replacement);
  });
}
