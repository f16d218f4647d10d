import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createDecipheriv, pbkdf2Sync } from "node:crypto";
import { describe, expect, onTestFinished, test } from "vitest";
import { decodeTruecryptHeader, encodeTruecryptHeader, HEADER_PLACES, readTruecryptHeader, type HeaderKey, type TruecryptHeader } from "../../../src/core/formats/truecrypt.ts";
import { pimIterations, KDFS, type TcryptHash } from "../../../src/core/formats/truecrypt-kdf.ts";
import { findProgram } from "../../../tools/packages.js";
import { fixtureBytes } from "../../fixtures/fixture.ts";

const DISK = fixtureBytes("truecrypt/hidden.img.gz");
const DEVICE = { name: "hidden.img", sizeBytes: DISK.length };
const key = (passphrase: string, hash: TcryptHash, iterations: number): HeaderKey => ({ passphrase: Buffer.from(passphrase), hash, iterations });
const OUTER = key("outer", "ripemd160", 2000);
const INNER = key("inner", "sha512", 1000);
const at = (place: number) => DISK.subarray(place < 0 ? DISK.length + place : place).subarray(0, 512);

test.each([
  { place: "primary", dump: "outer", opened: OUTER },
  { place: "backup", dump: "outer", opened: OUTER },
  { place: "hidden", dump: "inner", opened: INNER },
  { place: "hiddenBackup", dump: "inner", opened: INNER },
] as const)("the $place header that tcplay made reads as cryptsetup tcryptDump prints it", ({ place, dump, opened }) => {
  const header = readTruecryptHeader(at(HEADER_PLACES[place]), opened, DEVICE);
  const printed = readFileSync(new URL(`../../fixtures/truecrypt/${dump}.tcryptDump.txt`, import.meta.url), "utf8");
  const line = (name: string) => new RegExp(`^${name}:\\s*(.*)$`, "m").exec(printed)?.[1];
  expect(header).toMatchObject({
    type: "truecrypt",
    version: Number(line("Version")),
    sectorBytes: Number(line("Sector size")),
    payloadOffsetBytes: Number(line("MK offset")),
    system: false,
    inPlace: false,
  });
  expect(header?.hiddenVolumeBytes).toBe(dump === "inner" ? 131072 : undefined);
  expect(line("PBKDF2 hash")).toBe(opened.hash);
});

test.each([
  { about: "another passphrase", opened: key("inner", "ripemd160", 2000) },
  { about: "another hash", opened: key("outer", "sha512", 2000) },
  { about: "another number of iterations", opened: key("outer", "ripemd160", 1000) },
])("$about gives no header", ({ opened }) => {
  expect(readTruecryptHeader(at(HEADER_PLACES.primary), opened, DEVICE)).toBeUndefined();
});

describe("a header that is damaged", () => {
  const plain = decrypted(at(HEADER_PLACES.primary), OUTER);

  test.each([
    { byte: 69, field: "version", found: /header CRC is/ },
    { byte: 106, field: "volumeBytes", found: /header CRC is/ },
    { byte: 252, field: "headerCrc32", found: /header CRC is/ },
    { byte: 260, field: "keys", found: /CRC of the keys is/ },
  ])("a changed byte in $field is refused", ({ byte, found }) => {
    const changed = Buffer.from(plain);
    changed[byte]! ^= 0xff;
    expect(() => decodeTruecryptHeader(changed, DEVICE)).toThrow(found);
  });

  test("a changed magic is no header", () => {
    const changed = Buffer.from(plain);
    changed[64]! ^= 0xff;
    expect(decodeTruecryptHeader(changed, DEVICE)).toBeUndefined();
  });

  test.each([0, 1, 64, 255, 511])("a header that is cut at byte %d is refused", (length) => {
    expect(() => decodeTruecryptHeader(plain.subarray(0, length), DEVICE)).toThrow(/decoding the .* on byte 0 of \d+: it takes 512 bytes/);
  });

  test("a device that is smaller than the header says is refused, with both sizes", () => {
    expect(() => decodeTruecryptHeader(plain, { ...DEVICE, sizeBytes: 200_000 })).toThrow(/the payload ends at byte 393216, the device at byte 200000/);
  });
});

const HEADER: TruecryptHeader = {
  type: "veracrypt", version: 5, programVersion: 0x010b, hiddenVolumeBytes: undefined, volumeBytes: 2 ** 20, payloadOffsetBytes: 131072, payloadBytes: 2 ** 20,
  sectorBytes: 512, system: false, inPlace: false, keys: Buffer.concat([Buffer.from(Array.from({ length: 64 }, (_, i) => i)), Buffer.alloc(192)]),
};
const SALT = Buffer.alloc(64, 7);

test.each([{ bad: { sectorBytes: 100 }, found: /sector size is 100/ }, { bad: { payloadBytes: 100 }, found: /not made of sectors/ }])("$bad is refused", ({ bad, found }) => {
  const opened = key("x", "sha512", 1000);
  expect(() => readTruecryptHeader(encodeTruecryptHeader({ ...HEADER, ...bad }, SALT, opened), opened, { name: "x", sizeBytes: 2 ** 30 })).toThrow(found);
});

const dumpTest = findProgram("cryptsetup") === undefined ? test.skip : test;

describe("what is encoded", () => {
  test.each(["truecrypt", "veracrypt"] as const)("a %s header is read back the same", (type) => {
    const opened = key("correct horse", "sha256", 3);
    const read = readTruecryptHeader(encodeTruecryptHeader({ ...HEADER, type }, SALT, opened), opened, { name: "x", sizeBytes: 2 ** 21 });
    expect(read).toEqual({ ...HEADER, type });
  });

  dumpTest.each([
    { hash: "sha512", pim: 1 },
    { hash: "sha256", pim: 2 },
    { hash: "ripemd160", pim: 1 },
  ] as const)("cryptsetup reads a VeraCrypt header with $hash and PIM $pim", ({ hash, pim }) => {
    const directory = mkdtempSync(join(tmpdir(), "mkinitrd-tcrypt-"));
    onTestFinished(() => rmSync(directory, { recursive: true }));
    const kdf = KDFS.find((each) => each.type === "veracrypt" && each.hash === hash)!;
    const image = Buffer.alloc(2 ** 20 + 2 * 131072);
    encodeTruecryptHeader(HEADER, SALT, key("correct horse", hash, pimIterations(pim, kdf, false))).copy(image);
    const file = join(directory, "volume.img");
    writeFileSync(file, image);
    const printed = execFileSync("cryptsetup", ["tcryptDump", "--dump-master-key", "--batch-mode", "--veracrypt-pim", String(pim), "--hash", hash, "--cipher", "aes", file], { input: "correct horse", encoding: "utf8" });
    expect(printed).toMatch(/Cipher chain:\s+aes\nCipher mode:\s+xts-plain64\nPayload offset:\s+256\n/);
    expect(printed.replace(/\s/g, "")).toContain(HEADER.keys.subarray(0, 64).toString("hex"));
  });
});

/** The bytes of a header, decrypted without our reader. */
function decrypted(raw: Buffer, { passphrase, hash, iterations }: HeaderKey): Buffer {
  const secret = pbkdf2Sync(passphrase, raw.subarray(0, 64), iterations, 64, hash);
  return Buffer.concat([raw.subarray(0, 64), createDecipheriv("aes-256-xts", secret, Buffer.alloc(16)).update(raw.subarray(64))]);
}
