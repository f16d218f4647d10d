import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { memorySource, type Source } from "../../../src/core/binary/source.ts";
import { MkinitrdError } from "../../../src/core/errors.ts";
import { HEADER_AREA_BYTES, HEADER_PLACES, type HeaderPlace } from "../../../src/core/formats/truecrypt.ts";
import { findHeader } from "../../../src/core/tcrypt/header-search.ts";
import { openTcrypt } from "../../../src/core/tcrypt/payload.ts";
import { planTrials, type Wish } from "../../../src/core/tcrypt/places.ts";
import { fixtureBytes } from "../../fixtures/fixture.ts";
import { tcryptVolume } from "../../fixtures/truecrypt/volume.ts";

/** Of tcplay: an outer volume with RIPEMD-160, a hidden one with SHA-512; cryptsetup tcryptDump says the same. */
const DISK = fixtureBytes("truecrypt/hidden.img.gz");
const AUTO: Wish = { type: "truecrypt", hash: undefined, hidden: "auto", backup: false, system: false };

const search = (disk: Buffer, passphrase: string, wish: Partial<Wish> = {}) =>
  findHeader(memorySource(disk, "disk.img"), Buffer.from(passphrase), planTrials({ ...AUTO, ...wish }), { cipher: undefined });

test.each([
  { passphrase: "outer", wish: {}, place: "primary", hash: "ripemd160" },
  { passphrase: "inner", wish: {}, place: "hidden", hash: "sha512" },
  { passphrase: "outer", wish: { backup: true }, place: "backup", hash: "ripemd160" },
  { passphrase: "inner", wish: { backup: true, hidden: "yes" }, place: "hiddenBackup", hash: "sha512" },
  { passphrase: "inner", wish: { hidden: "yes", hash: "sha512" }, place: "hidden", hash: "sha512" },
] as const)("the passphrase $passphrase with $wish opens the header at $place", async ({ hash, passphrase, place, wish }) => {
  expect(await search(DISK, passphrase, wish)).toMatchObject({ place, hash, cipher: { name: "aes" }, damage: [], header: { type: "truecrypt" } });
});

test.each([
  { passphrase: "neither", wish: {} },
  { passphrase: "inner", wish: { hidden: "no" } },
  { passphrase: "outer", wish: { hidden: "yes" } },
  { passphrase: "outer", wish: { hash: "sha512" } },
  { passphrase: `outer${"\0".repeat(60)}`, wish: {} },
] as const)("the passphrase $passphrase with $wish opens nothing", async ({ passphrase, wish }) => {
  expect(await search(DISK, passphrase, wish)).toBeUndefined();
});

test.each([
  { passphrase: "outer", lost: "primary", used: "backup", said: /^the header does not open, the copy at the volume's end was used/ },
  { passphrase: "inner", lost: "hidden", used: "hiddenBackup", said: /^the hidden volume's header does not open, the copy/ },
] as const)("without the $lost header the $used one is used, and that is said", async ({ lost, passphrase, said, used }) => {
  const disk = Buffer.from(DISK);
  disk.fill(0xa5, HEADER_PLACES[lost], HEADER_PLACES[lost] + 512);
  expect(await search(disk, passphrase)).toMatchObject({ place: used, damage: [expect.stringMatching(said)] });
});

test("a header whose checksum is wrong is said to be damaged, with the copy or, where there is none, alone", async () => {
  const volume = (places: HeaderPlace[]) => tcryptVolume({ type: "truecrypt", hash: "sha512", iterations: 1000, passphrase: Buffer.from("horse"), payload: Buffer.alloc(4096), places });
  const damaged = volume(["primary", "backup"]);
  damaged[300]! ^= 1; // of the keys: XTS changes a block of 16 bytes
  expect(await search(damaged, "horse")).toMatchObject({ place: "backup", damage: [expect.stringMatching(/CRC of the keys is 0x[0-9a-f]{8}, the header says/)] });
  const alone = volume(["primary"]);
  alone[300]! ^= 1;
  await expect(search(alone, "horse")).rejects.toThrow(/CRC of the keys is/);
  await expect(search(alone, "horse")).rejects.toBeInstanceOf(MkinitrdError);
});

test("the first of several headers that open is the one, though a later one was derived sooner", async () => {
  const volume = { hash: "sha512", passphrase: Buffer.from("horse"), payload: Buffer.alloc(4096) } as const;
  const disk = tcryptVolume({ ...volume, type: "veracrypt", iterations: 40_000, places: ["primary"] });
  tcryptVolume({ ...volume, type: "veracrypt", iterations: 16_000, places: ["backup"] }).copy(disk, disk.length - HEADER_AREA_BYTES, HEADER_AREA_BYTES + 4096);
  const [slow, fast] = [{ pim: 25 }, { pim: 1 }].map(({ pim }) => planTrials({ ...AUTO, type: "veracrypt", hash: "sha512", pim }));
  const found = await findHeader(memorySource(disk), Buffer.from("horse"), [slow![0]!, ...fast!.filter(({ place }) => place === "backup")], { cipher: undefined });
  expect(found?.place).toBe("primary");
});

test("what is looked for and said: TrueCrypt first, each type's headers before their copies, VeraCrypt's cascades last", () => {
  const order = planTrials({ ...AUTO, type: undefined, hash: "sha512" }).map(({ kdf, layers, place }) => `${kdf.type} ${place}${layers === "several" ? " cascades" : ""}`);
  expect(order).toEqual(["truecrypt primary", "truecrypt hidden", "truecrypt hiddenOld", "truecrypt backup", "truecrypt hiddenBackup", ...["", " cascades"].flatMap((what) => ["primary", "hidden", "backup", "hiddenBackup"].map((place) => `veracrypt ${place}${what}`))]);
});

test.each([
  { wish: { type: "veracrypt", hash: "sha512" }, iterations: 500_000 },
  { wish: { type: "veracrypt", hash: "sha512", pim: 485 }, iterations: 500_000 },
  { wish: { type: "veracrypt", hash: "sha256", pim: 98, system: true }, iterations: 98 * 2048 },
  { wish: { type: "veracrypt", hash: "sha256", system: true }, iterations: 200_000 },
  { wish: { type: "truecrypt", hash: "ripemd160", system: true }, iterations: 1000 },
  { wish: { type: "truecrypt", hash: "ripemd160" }, iterations: 2000 },
] as const)("$wish derives with $iterations iterations", ({ iterations, wish }) => {
  expect(planTrials({ ...AUTO, ...wish }).map((trial) => trial.iterations)).toEqual(expect.arrayContaining([iterations]));
});

test("a device that is too short for any header, and one that can't be read, open nothing", async () => {
  expect(await search(Buffer.alloc(100), "outer")).toBeUndefined();
  const broken: Source = { name: "broken", sizeBytes: DISK.length, read: () => Promise.reject(new MkinitrdError({ tried: "reading", on: "broken", found: "EIO" })) };
  expect(await findHeader(broken, Buffer.from("outer"), planTrials(AUTO), { cipher: undefined })).toBeUndefined();
});

test("a payload that ends behind the device is refused, and system encryption of another partition, too", async () => {
  const found = (await search(DISK, "outer"))!;
  const device = (sizeBytes: number) => ({ path: "d", source: memorySource(Buffer.alloc(sizeBytes), "short.img") });
  expect(() => openTcrypt(found, device(HEADER_AREA_BYTES), "t")).toThrow(/says that it has \d+ bytes from byte 131072 on, the device ends at byte 131072/);
  expect(() => openTcrypt(found, device(4096), "t", 1)).toThrow(/the partition begins at byte 512/);
});

test("what is read of the volume is what OpenSSL encrypted, and closing wipes", async () => {
  const payload = Buffer.concat(Array.from({ length: 64 }, (_, index) => createHash("sha512").update(`${index}`).digest())).subarray(0, 4096);
  const disk = memorySource(tcryptVolume({ type: "truecrypt", hash: "sha512", iterations: 1000, passphrase: Buffer.from("horse"), payload, places: ["primary"] }));
  const { source: opened } = openTcrypt((await findHeader(disk, Buffer.from("horse"), planTrials(AUTO), { cipher: "aes" }))!, { path: "d", source: disk }, "t");
  expect((await opened.read(0, opened.sizeBytes)).equals(payload)).toBe(true);
  await opened.close?.();
  await expect(opened.read(0, 512)).rejects.toThrow(/closed/);
});

test("a volume whose encryption has not ended is refused: what is behind it is no data", async () => {
  const found = (await search(DISK, "outer"))!;
  const { header } = found;
  const device = (sizeBytes: number) => ({ path: "d", source: { ...memorySource(DISK, "disk.img"), sizeBytes } });
  const half = { ...found, header: { ...header, inPlace: true, payloadBytes: header.volumeBytes / 2 } };
  expect(() => openTcrypt(half, device(DISK.length), "t")).toThrow(/its encryption has not ended: \d+ of its \d+ bytes are encrypted\n {2}next: let the program that began it end it/);
  expect(openTcrypt({ ...found, header: { ...header, inPlace: true, payloadBytes: header.volumeBytes } }, device(DISK.length), "t").source.sizeBytes).toBe(header.volumeBytes);
  const system = { ...found, header: { ...header, payloadOffsetBytes: 1024 * 1024, payloadBytes: 64 * 1024 } };
  expect(() => openTcrypt(system, device(128 * 1024), "t", 2048)).toThrow(/its encryption has not ended: 65536 of its 131072 bytes are encrypted/);
  expect(openTcrypt(system, device(64 * 1024), "t", 2048).source.sizeBytes).toBe(64 * 1024);
});
