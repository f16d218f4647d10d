import { describe, expect, test } from "vitest";
import { memorySource } from "../../../src/core/binary/source.ts";
import { NO_ROLE, type MdMember } from "../../../src/core/formats/md-member.ts";
import { discover } from "../../../src/core/volumes/discover.ts";
import { findVolumes } from "../../../src/core/volumes/match.ts";
import { assembleArrays, isArrayUuid, mdadmUuid } from "../../../src/core/volumes/md.ts";
import type { BlockDevice } from "../../../src/core/volumes/types.ts";
import { fixtureBytes } from "../../fixtures/fixture.ts";
import { memberBytes, memberSource, sum0, sum1 } from "../../fixtures/md/members.ts";

const UUID = "6b1f0d5e-9c1a-4a52-8d0e-3f2b7c4a9e01";

function found(path: string, more: Partial<MdMember> = {}) {
  const member: MdMember = {
    metadata: "1.2", uuid: UUID, level: 1, raidDisks: 2, createdSeconds: 1, events: 10n, deviceNumber: 0, chunkSectors: 0, layout: 0, roles: [0, 1],
    superblockByte: 4096, dataStartBytes: 8192, dataBytes: 4096, ...more,
  };
  return { path, source: memorySource(Buffer.alloc(16384), path), member };
}

const arrayOf = (...members: ReturnType<typeof found>[]) => assembleArrays(members)[0]!.ref;

describe("the members of an array", () => {
  test("make it whole when all that the newest counts on are there", () => {
    expect(arrayOf(found("/dev/a"), found("/dev/b", { deviceNumber: 1 }))).toMatchObject({ missing: [], failed: 0, startable: true, members: ["/dev/a", "/dev/b"] });
  });

  test.each([
    { what: "a mirror", more: {}, startable: true },
    { what: "a raid0", more: { level: 0 }, startable: false },
    { what: "a linear array", more: { level: -1 }, startable: false },
    { what: "a raid5 of 3", more: { level: 5, raidDisks: 3, roles: [0, 1, 2] }, startable: false },
    { what: "a raid6 of 3", more: { level: 6, raidDisks: 3, roles: [0, 1, 2] }, startable: true },
  ])("of which one alone is there: $what can be started: $startable", ({ more, startable }) => {
    const ref = arrayOf(found("/dev/a", more));
    expect(ref.missing).toContain(1);
    expect(ref.startable).toBe(startable);
  });

  test("one event behind is current, two behind is out of date and counts as missing", () => {
    const other = (events: bigint) => found("/dev/b", { deviceNumber: 1, events });
    expect(arrayOf(found("/dev/a"), other(9n))).toMatchObject({ missing: [], outdated: [] });
    expect(arrayOf(found("/dev/a"), other(8n))).toMatchObject({ missing: [1], outdated: ["/dev/b"] });
  });

  test("one that has the number of another is a copy, or has one; spares are none", () => {
    expect(arrayOf(found("/dev/a"), found("/dev/b", { deviceNumber: 1 })).copies).toBeUndefined();
    expect(arrayOf(found("/dev/a"), found("/dev/b", { deviceNumber: 1 }), found("/dev/c", { deviceNumber: 1 })).copies).toEqual(["/dev/c"]);
    const spare = { roles: [0, 1, NO_ROLE, NO_ROLE] };
    expect(arrayOf(found("/dev/a", spare), found("/dev/b", { ...spare, deviceNumber: 2 }), found("/dev/c", { ...spare, deviceNumber: 3 })).copies).toBeUndefined();
  });

  test("what the newest has recorded as failed is not waited for", () => {
    expect(arrayOf(found("/dev/a", { roles: [0, NO_ROLE] }))).toMatchObject({ missing: [], failed: 1, startable: true });
  });

  test("a spare is a member, and makes up for none that is missing", () => {
    const roles = [0, 1, NO_ROLE];
    expect(arrayOf(found("/dev/a", { roles }), found("/dev/s", { roles, deviceNumber: 2 }))).toMatchObject({ missing: [1], members: ["/dev/a", "/dev/s"] });
  });

  test("of the other byte order make an array that nobody here can start", () => {
    expect(arrayOf(found("/dev/a", { roles: [0], raidDisks: 1, foreignByteOrder: true }))).toMatchObject({ startable: false });
  });

  test.each([
    { name: "host:root", node: "/dev/md/root" },
    { name: "host:0", node: "/dev/md0" },
    { name: "plain", node: "/dev/md/plain" },
    { name: "a:../../x", node: undefined },
  ])("name it: $name is $node", ({ name, node }) => {
    expect(arrayOf(found("/dev/a", { name })).node).toBe(node);
  });
});

const device = (path: string, bytes: Buffer, more: Partial<BlockDevice> = {}): BlockDevice => ({ path, source: memorySource(bytes, path), logicalBlockBytes: 512, ...more });

/** Both members of the mirror v1.2, the second one made from the first, with a filesystem on it. */
function mirror(): BlockDevice[] {
  return [0, 1].map((deviceNumber) => {
    const bytes = memberBytes("v1.2", (superblock) => {
      superblock.writeUInt32LE(deviceNumber, 160);
      sum1(superblock);
    });
    fixtureBytes("fs/ext4.img.gz").copy(bytes, 2048 * 512);
    return device(`/dev/vd${"ab"[deviceNumber]}`, bytes);
  });
}

describe("discover", () => {
  test("shows a mirror that is not assembled with what is on it", async () => {
    const volumes = await discover(mirror());
    expect(volumes.map(({ name, layer, content }) => [name, layer, content?.type])).toEqual([
      ["/dev/vda", "disk", "linux_raid_member"],
      ["/dev/vdb", "disk", "linux_raid_member"],
      ["/dev/md/root", "array", "ext4"],
    ]);
    expect(volumes[2]).toMatchObject({ md: { uuid: "a79de76e-c83c-2638-a8d6-d009426b58ec", active: false, missing: [], level: "raid1", name: "testhost:root" } });
  });

  test("shows an array that is assembled once, by the devices below it", async () => {
    const [a, b] = mirror();
    const md = device("/dev/md127", fixtureBytes("fs/ext4.img.gz"), { md: { members: ["/dev/vda", "/dev/vdb"] } });
    const volumes = await discover([a!, b!, md]);
    expect(volumes.map(({ name, layer }) => [name, layer])).toEqual([["/dev/vda", "disk"], ["/dev/vdb", "disk"], ["/dev/md127", "array"]]);
    expect(volumes[2]).toMatchObject({ md: { active: true }, content: { type: "ext4" } });
  });

  test("shows what is on a mirror that lacks a member, by the other", async () => {
    const volumes = await discover(mirror().slice(0, 1));
    expect(volumes[1]).toMatchObject({ name: "/dev/md/root", md: { missing: [1], startable: true } });
    expect(volumes[1]?.content).toMatchObject({ type: "ext4" });
  });

  test("takes no partitions from a whole disk that is a member with its superblock at the end", async () => {
    const bytes = memberBytes("v0.90");
    const table = fixtureBytes("gpt/three-partitions.img.gz");
    table.copy(bytes, 0, 0, 34 * 512);
    const partition = device("/dev/vda1", Buffer.alloc(1088 * 512 - 64 * 512), { partitionOf: { disk: "/dev/vda", startSector: 64 } });
    const volumes = await discover([device("/dev/vda", bytes), partition]);
    expect(volumes.map(({ path, content }) => [path, content?.type])).toEqual([["/dev/vda", "linux_raid_member"], [undefined, undefined]]);
  });

  test("takes a superblock inside of the last partition as that of the partition", async () => {
    const bytes = memberBytes("v0.90", (superblock) => {
      superblock.writeUInt32LE(8064, 32); // KiB: as much as the partition has room for
      sum0(superblock);
    });
    const startSector = 128; // 64 KiB: the superblock of the partition lies where that of the disk would
    const partition = device("/dev/vda1", bytes.subarray(startSector * 512), { partitionOf: { disk: "/dev/vda", startSector } });
    const volumes = await discover([device("/dev/vda", bytes), partition]);
    expect(volumes.map(({ layer, content }) => [layer, content?.type])).toEqual([["disk", undefined], ["partition", "linux_raid_member"], ["array", undefined]]);
  });
});

test.each([
  "UUID=a79de76e-c83c-2638-a8d6-d009426b58ec", "UUID=A79DE76E:C83C2638:A8D6D009:426B58EC", "/dev/md/root", "/dev/md/testhost:root",
  "/dev/disk/by-id/md-uuid-a79de76e:c83c2638:a8d6d009:426b58ec", "/dev/disk/by-id/md-name-testhost:root",
])("an array is named by %s, and its members are not", async (name) => {
  expect(findVolumes(await discover(mirror()), name).map(({ layer }) => layer)).toEqual(["array"]);
});

test("UUIDs are compared by their digits", () => {
  expect(mdadmUuid(UUID)).toBe("6b1f0d5e:9c1a4a52:8d0e3f2b:7c4a9e01");
  expect(isArrayUuid(UUID, mdadmUuid(UUID))).toBe(true);
  expect(isArrayUuid(UUID, "6b1f0d5e")).toBe(false);
});

test("a member of 1.0 has the same bytes as its array from the start on", async () => {
  const volumes = await discover([device("/dev/vda", memberBytes("v1.0")), device("/dev/vdb", memberBytes("v1.0", (superblock) => {
    superblock.writeUInt32LE(1, 160);
    sum1(superblock);
  }))]);
  const member = await memberSource("v1.0").read(0, 4096);
  expect(await volumes[2]!.source!.read(0, 4096)).toEqual(member);
});

/** sgdisk's disk, whose last partition (sector 2112, as sfdisk says) is a member of a mirror that is larger than it. */
function partitionedMember(): Buffer {
  const bytes = fixtureBytes("gpt/three-partitions.img.gz");
  memberBytes("v1.2").copy(bytes, 2112 * 512, 0, 8192);
  return bytes;
}

test("a partition that the kernel has not made yet is no member: no program could open it", async () => {
  const arrays = async (more: Partial<BlockDevice>) => (await discover([{ path: "/dev/vda", source: memorySource(partitionedMember()), logicalBlockBytes: 512, ...more }])).filter(({ md }) => md);
  await expect(arrays({})).resolves.toHaveLength(1); // of an image file everything is seen
  await expect(arrays({ number: "254:0" })).resolves.toEqual([]);
});

test("a mirror that says it begins behind the end of its member is damaged, and hides nothing else", async () => {
  const volumes = await discover([{ path: "disk.img", source: memorySource(partitionedMember()), logicalBlockBytes: 512 }, device("/dev/vdb", memberBytes("v1.0"))]);
  expect(volumes.find(({ layer }) => layer === "array")?.damage).toMatch(/reading .* at byte \d+ on disk\.img:5: it ends at byte 998912/);
  expect(volumes.map(({ name }) => name)).toEqual(expect.arrayContaining(["disk.img:1", "/dev/vdb"]));
});
