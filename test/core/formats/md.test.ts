import fc from "fast-check";
import { expect, test } from "vitest";
import { memorySource } from "../../../src/core/binary/source.ts";
import { MkinitrdError } from "../../../src/core/errors.ts";
import { probeMd } from "../../../src/core/formats/md.ts";
import { probe } from "../../../src/core/volumes/probe.ts";
import { fixtureBytes } from "../../fixtures/fixture.ts";
import { examined, memberBytes, memberSource, sum0, sum1 } from "../../fixtures/md/members.ts";

const MEMBERS = ["v0.90", "v1.0", "v1.1", "v1.2", "v1.2-raid10"];
const dashed = (uuid: string) => uuid.replaceAll(":", "").replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");

test.each(MEMBERS)("%s reads as mdadm examines it", async (name) => {
  const { facts, at } = examined(name);
  const member = (await probeMd(memberSource(name)))!;
  expect({
    version: member.metadata,
    uuid: member.uuid,
    level: `raid${member.level}`,
    devices: String(member.raidDisks),
    events: String(member.events),
    name: member.name,
    deviceUuid: member.deviceUuid,
    created: member.createdSeconds,
    role: member.roles[member.deviceNumber],
  }).toEqual({
    version: facts.Version!.replace(".00", ""),
    uuid: dashed(facts["Array UUID"] ?? facts.UUID!),
    level: facts["Raid Level"],
    devices: facts["Raid Devices"],
    events: facts.Events,
    name: facts.Name?.replace(/ +\(.*/, ""),
    deviceUuid: facts["Device UUID"] && dashed(facts["Device UUID"]),
    created: Date.parse(`${facts["Creation Time"]} UTC`) / 1000,
    role: Number(/\d+$/.exec(facts["Device Role"] ?? "0")![0]), // the member of 0.90 is the first
  });
  expect(member.superblockByte).toBe(at);
  if (facts["Data Offset"]) expect(member.dataStartBytes).toBe(Number.parseInt(facts["Data Offset"], 10) * 512);
  if (facts["Used Dev Size"]) expect(member.dataBytes).toBe(Number.parseInt(facts["Used Dev Size"], 10) * (name === "v0.90" ? 1024 : 512));
});

test.each([
  { name: "v0.90", byte: 20 },
  { name: "v0.90", byte: 156 },
  { name: "v0.90", byte: 600 },
  { name: "v1.0", byte: 16 },
  { name: "v1.1", byte: 72 },
  { name: "v1.1", byte: 200 },
  { name: "v1.2", byte: 256 },
])("a changed byte $byte of $name is refused", async ({ name, byte }) => {
  const source = memberSource(name, (superblock) => void superblock.writeUInt8(superblock.readUInt8(byte) ^ 0xff, byte));
  await expect(probeMd(source)).rejects.toThrow(/reading the md superblock on [^]*the checksum is 0x[0-9a-f]{8}, the superblock says 0x/);
});

test.each([
  { what: "0.90: another version", name: "v0.90", change: (sb: Buffer) => sb.writeUInt32LE(92, 8), sum: sum0, found: /the version is 0\.92/ },
  { what: "0.90: more members than it has room for", name: "v0.90", change: (sb: Buffer) => sb.writeUInt32LE(28, 40), sum: sum0, found: /28 members, it has room for 27/ },
  { what: "0.90: more data than there is", name: "v0.90", change: (sb: Buffer) => sb.writeUInt32LE(8192, 32), sum: sum0, found: /8388608 bytes of data, in front of it are 8323072/ },
  { what: "1.x: a list longer than its page", name: "v1.2", change: (sb: Buffer) => sb.writeUInt32LE(1921, 220), sum: () => {}, found: /lists 1921 members, it has room for 1920/ },
  { what: "1.x: another place", name: "v1.2", change: (sb: Buffer) => sb.writeBigUInt64LE(16n, 144), sum: sum1, found: /says that it lies in sector 16/ },
  { what: "1.x: an offset that no disk has", name: "v1.2", change: (sb: Buffer) => sb.writeBigUInt64LE(2n ** 60n, 128), sum: sum1, found: /the data offset of/ },
  { what: "1.x: more used than there is", name: "v1.1", change: (sb: Buffer) => sb.writeBigUInt64LE(20000n, 80), sum: sum1, found: /20000 sectors are used of 14336/ },
])("$what is refused though the checksum is right", async ({ name, change, sum, found }) => {
  await expect(probeMd(memberSource(name, (superblock) => (change(superblock), sum(superblock))))).rejects.toThrow(found);
});

test("0.90 of a machine with the other byte order is a member with the same UUID, and is told apart", async () => {
  const { uuid, events } = (await probeMd(memberSource("v0.90")))!;
  const member = await probeMd(memberSource("v0.90", (superblock) => {
    superblock.swap32();
    const halves = Buffer.concat([superblock.subarray(160, 164), superblock.subarray(156, 160)]); // they change places as well
    halves.copy(superblock, 156);
  }));
  expect(member).toMatchObject({ uuid, events, foreignByteOrder: true });
});

test.each(MEMBERS)("of %s a filesystem that the member looks like is not taken", async (name) => {
  const bytes = memberBytes(name);
  if (name === "v1.1") return; // the superblock itself is at the start
  fixtureBytes("fs/ext4.img.gz").copy(bytes, 0, 0, 4096);
  expect(await probe(memorySource(bytes))).toMatchObject({ type: "linux_raid_member", version: examined(name).facts.Version!.replace(".00", "") });
});

test("of two superblocks that of the array made last is taken", async () => {
  const old = memberBytes("v1.2");
  const later = memberBytes("v0.90"); // 49 s later
  later.copy(old, examined("v0.90").at, examined("v0.90").at);
  expect(await probeMd(memorySource(old))).toMatchObject({ metadata: "0.90" });
});

test("a damaged superblock beside a filesystem hides nothing, and is told", async () => {
  const bytes = memberBytes("v1.0", (superblock) => void superblock.fill(9, 20, 24));
  fixtureBytes("fs/ext4.img.gz").copy(bytes);
  const content = await probe(memorySource(bytes));
  expect(content).toMatchObject({ type: "ext4" });
  expect(content?.damage?.join()).toMatch(/md superblock/);
});

test("a member that was cut short is told", async () => {
  const content = await probe(memorySource(memberBytes("v1.2").subarray(0, 2 ** 20)));
  expect(content?.damage).toEqual([expect.stringMatching(/^cut short: it needs 8388608 bytes/)]);
});

test.each([0, 511, 4095, 4096, 8191, 8192, 65536, 131071])("in %i bytes of zeros there is none", async (length) => {
  expect(await probeMd(memorySource(Buffer.alloc(length)))).toBeUndefined();
});

test("any bytes behind the magic give a value or our error", async () => {
  const piece = fc.record({ at: fc.nat({ max: 300 }), bytes: fc.uint8Array({ maxLength: 40 }) });
  await fc.assert(fc.asyncProperty(fc.constantFrom("v0.90", "v1.1", "v1.2"), fc.array(piece), fc.boolean(), async (name, pieces, sound) => {
    const source = memberSource(name, (superblock) => {
      for (const { at, bytes } of pieces) superblock.set(bytes, at + 4);
      if (name !== "v0.90" && superblock.readUInt32LE(220) > 1920) superblock.writeUInt32LE(4, 220);
      if (sound) (name === "v0.90" ? sum0 : sum1)(superblock);
    });
    try {
      await probeMd(source);
    } catch (error) {
      expect(error).toBeInstanceOf(MkinitrdError);
    }
  }), { numRuns: 100 });
});
