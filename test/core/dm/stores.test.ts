import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { memorySource, window } from "../../../src/core/binary/source.ts";
import type { Source } from "../../../src/core/binary/source.ts";
import type { Device } from "../../../src/core/dm/device.ts";
import { openTarget } from "../../../src/core/dm/open-target.ts";
import { openTable } from "../../../src/core/dm/table.ts";
import { parseTable, tableLines } from "../../../src/core/dm/table-text.ts";
import { fixture } from "../../fixtures/fixture.ts";
import type { Damage } from "../../fixtures/fixture.ts";

/** What the kernel said of a device in test/fixtures/dm/make.sh: sums by name, then tables and states. */
function said(name: string): { sums: Map<string, string>; tables: string[] } {
  const lines = readFileSync(new URL(`../../fixtures/dm/${name}.txt`, import.meta.url), "utf8").trim().split("\n");
  const sums = new Map(lines.flatMap((line) => { const [, device = "", sum] = /^(?:(\w+) )?([0-9a-f]{64})$/.exec(line) ?? []; return sum === undefined ? [] : [[device, sum] as const]; }));
  return { sums, tables: lines.filter((line) => /^\d+ \d+ [a-z-]+ .*\d+:\d+/.test(line)) };
}
const disk = (name: string, damage?: Damage) => fixture(`dm/${name}.img.gz`, damage);
const sha256 = (bytes: Buffer) => createHash("sha256").update(bytes).digest("hex");

/** A kernel's table, its devices given in the order in which they stand in it. */
function open(table: string, devices: (Partial<Device> & { source: Source })[]): Source {
  const numbers = [...new Set(table.match(/\b\d+:\d+\b/g))];
  const [parsed] = parseTable(table, (path) => (devices[numbers.indexOf(path)] === undefined ? undefined : { path, ...devices[numbers.indexOf(path)]! }));
  expect(tableLines(parsed!.targets)).toEqual([table.trim()]);
  return openTable("t", parsed!.targets, openTarget);
}

/** The sum of all, in one read; and in many, which must give the same. */
async function sumOf(source: Source): Promise<string> {
  const whole = await source.read(0, source.sizeBytes);
  const parts: Buffer[] = [];
  for (let at = 0; at < source.sizeBytes; at += 99_991) parts.push(await source.read(at, Math.min(99_991, source.sizeBytes - at)));
  expect(Buffer.concat(parts).equals(whole)).toBe(true);
  return sha256(whole);
}

describe.each(["zr", "nr", "nc", "n_6", "ls_6", "rs_6", "la_6", "ra_6"])("an array raid6_%s of five disks, with the parities that the kernel wrote", (layout) => {
  test("is read as the kernel did, with any none, one or two of them missing", async () => {
    const { sums, tables } = said(`raid6-${layout}`);
    const image = await disk(`raid6-${layout}`);
    const disks = Array.from({ length: 5 }, (_, role) => window(image, (role * image.sizeBytes) / 5, image.sizeBytes / 5));
    for (let one = 0; one < 5; one++) {
      for (let other = one; other < 5; other++) {
        const [table] = parseTable(tables[0]!, (path) => ({ path, source: disks[Number(path.split(":")[1]) - Number(/253:(\d+)/.exec(tables[0]!)![1])]! }));
        const [target] = table!.targets;
        if (target?.type !== "raid") throw new Error("no array");
        const members = target.members.map((member, role) => (one !== other && (role === one || role === other) ? {} : one === other && role === one ? {} : member));
        expect([one, other, sha256(await readAll(openTarget({ ...target, members })))]).toEqual([one, other, sums.get("")]);
      }
    }
    const whole = open(tables[0]!, disks.map((source) => ({ source })));
    expect(await sumOf(whole)).toBe(sums.get(""));
  });
});

describe.each(["4", "5", "far-4", "far-5", "offset-4", "offset-5", "far-near-sets-4"])("an array raid10-%s that the kernel wrote", (name) => {
  const count = Number(name.at(-1));

  test("is read as the kernel did, with any of its disks missing, or is refused for two that have the same chunks", async () => {
    const { sums, tables } = said(`raid10-${name}`);
    const image = await disk(`raid10-${name}`);
    // The kernel counts raid10_use_near_sets, and does not print it; dm-raid.c, raid_status.
    const line = name.includes("near-sets") ? tables[0]!.replace("raid10_format far", "raid10_use_near_sets raid10_format far") : tables[0]!;
    const numbers = line.match(/\d+:\d+/g)!;
    const [table] = parseTable(line, (path) => {
      const role = Math.floor(numbers.indexOf(path) / 2);
      return { path, source: window(image, (role * image.sizeBytes) / count, image.sizeBytes / count) };
    });
    const [target] = table!.targets;
    if (target?.type !== "raid") throw new Error("no array");
    const without = (...missing: number[]) => openTarget({ ...target, members: target.members.map((member, role) => (missing.includes(role) ? {} : member)) });
    for (let role = -1; role < count; role++) expect([role, await sumOf(without(role))]).toEqual([role, sums.get("")]);
    expect(await sumOf(without(0, 2))).toBe(sums.get(""));
    expect(() => without(0, 1)).toThrow(/disks (?:0 and 1|1 and 0) are missing, and hold all copies of some chunks/);
  });
});

test("a writecache is read as the kernel did, what was written since from the fast device", async () => {
  const { sums, tables } = said("writecache");
  const [slow, fast] = [await disk("writecache.slow"), await disk("writecache.fast")];
  expect(await sumOf(open(tables[0]!, [{ source: slow }, { source: fast }]))).toBe(sums.get("wc"));
  expect(await sumOf(slow)).toBe(sums.get("slow"));
  expect(sums.get("slow")).not.toBe(sums.get("wc"));
});

describe("the superblocks of an array", () => {
  const WHOLE = 2n ** 64n - 1n;
  /** As in the corpus lvm-fresh, where dm-raid has written them: drivers/md/dm-raid.c, struct dm_raid_superblock. */
  const metadata = (role: number, { events = 14n, failed = 0n, recovery = WHOLE }: { events?: bigint; failed?: bigint; recovery?: bigint } = {}) => {
    const bytes = Buffer.alloc(4096);
    bytes.write("DmRd");
    bytes.writeUInt32LE(role, 12);
    [events, failed, recovery, WHOLE].forEach((value, index) => bytes.writeBigUInt64LE(value, 16 + 8 * index));
    return memorySource(bytes, `meta${role}`);
  };
  const mirror = (...metas: Source[]) => {
    const data = metas.map((_, role) => memorySource(Buffer.alloc(4096, role + 1), `data${role}`));
    const line = `0 8 raid raid1 3 0 region_size 64 ${metas.length} ${metas.map((_, role) => `1:${2 * role} 1:${2 * role + 1}`).join(" ")}`;
    return open(line, metas.flatMap((source, role) => [{ source }, { source: data[role]! }]));
  };
  const firstByte = async (source: Source) => (await source.read(0, 1))[0];

  test("say which device is not whole: failed, being rebuilt, or with metadata that can't be read", async () => {
    expect(await firstByte(mirror(metadata(0), metadata(1)))).toBe(1);
    expect(await firstByte(mirror(metadata(0, { events: 9n }), metadata(1, { failed: 1n })))).toBe(2);
    // What an older one says doesn't count.
    expect(await firstByte(mirror(metadata(0), metadata(1, { events: 9n, failed: 1n })))).toBe(1);
    expect(await firstByte(mirror(metadata(0, { recovery: 128n }), metadata(1)))).toBe(2);
    expect(await firstByte(mirror(memorySource(Buffer.alloc(10)), metadata(1)))).toBe(2);
    expect(await firstByte(mirror(memorySource(Buffer.alloc(4096)), metadata(1)))).toBe(1); // never written to
  });

  test("are an error when nothing is left, or they are those of other places", async () => {
    await expect(firstByte(mirror(metadata(0, { failed: 3n }), metadata(1)))).rejects.toThrow("all of its 2 legs are missing");
    await expect(firstByte(mirror(metadata(1), metadata(0)))).rejects.toThrow("it is that of device 1, its place is 0");
  });
});

describe("verity", () => {
  const NAMES = ["default", "one-block", "chromium", "chromium-sha1", "sha1", "sha512-small", "mixed", "mixed-back", "behind"];
  const devices = async (name: string, damage: { data?: Damage; hash?: Damage } = {}) => {
    const data = await disk(`verity-${name}.data`, damage.data);
    return name === "behind" ? [{ source: data }] : [{ source: data }, { source: await disk(`verity-${name}.hash`, damage.hash) }];
  };
  const refused = async (source: Source) => {
    const found = new Map<string, number>();
    for (let at = 0; at < source.sizeBytes; at += 512) {
      await source.read(at, 512).catch((error: Error) => found.set(/: (.*)/.exec(error.message)![1]!, (found.get(/: (.*)/.exec(error.message)![1]!) ?? 0) + 1));
    }
    return Object.fromEntries(found);
  };

  test.each(NAMES)("%s: what is verified is what the kernel read", async (name) => {
    const { sums, tables } = said(`verity-${name}`);
    expect(await sumOf(open(tables[0]!, await devices(name)))).toBe(sums.get(""));
  });

  test("a changed bit of the data is an error that names its block, and no other block is one", async () => {
    const { tables } = said("verity-default");
    const source = open(tables[0]!, await devices("default", { data: { flip: 17 * 4096 + 5 } }));
    expect(await refused(source)).toEqual({ "data block 17, at byte 69632, is not what the hash tree says": 8 });
  });

  test("a changed bit of a hash block is an error that names it and its level, for each block below it", async () => {
    const { tables } = said("verity-default"); // 300 blocks: three hash blocks from byte 8192 on, under one at byte 4096
    const level0 = open(tables[0]!, await devices("default", { hash: { flip: 3 * 4096 + 100 } }));
    expect(await refused(level0)).toEqual({ "the hash block at byte 12288, on level 0, is not what the level above says": 128 * 8 });
    const level1 = open(tables[0]!, await devices("default", { hash: { flip: 4096 } }));
    expect(await refused(level1)).toEqual({ "the hash block at byte 4096, on level 1, is not what the level above or the root digest says": 300 * 8 });
  });

  test.each(["salt", "root"])("another %s verifies nothing", async (what) => {
    const [table] = said("verity-default").tables;
    const words = table!.trim().split(" ");
    const at = what === "root" ? 11 : 12;
    words[at] = words[at]!.replace(/^./, (digit) => (digit === "0" ? "1" : "0"));
    const source = open(words.join(" "), await devices("default"));
    await expect(source.read(0, 1)).rejects.toThrow(/on level 1, is not what the level above or the root digest says/);
  });

  test("zeros are given for what a hash of zeros stands for, only when the table says so", async () => {
    const zeros = Buffer.alloc(4096);
    const root = createHash("sha256").update(zeros).digest("hex");
    const table = `0 8 verity 1 1:0 1:1 4096 4096 1 1 sha256 ${root} -`;
    const data = [{ source: memorySource(Buffer.alloc(4096, 1)) }, { source: memorySource(zeros) }];
    await expect(open(table, data).read(0, 4096)).rejects.toThrow("data block 0, at byte 0");
    expect(await open(`${table} 1 ignore_zero_blocks`, data).read(0, 4096)).toEqual(zeros);
  });
});

describe("a snapshot", () => {
  test("is the origin with what was written to either of them", async () => {
    const { sums, tables } = said("snapshot");
    const [origin, store] = [await disk("snapshot.origin"), await disk("snapshot.cow")];
    expect(await sumOf(open(tables[0]!, [{ source: origin }]))).toBe(sums.get("origin"));
    expect(await sumOf(open(tables[1]!, [{ source: origin }, { source: store }]))).toBe(sums.get("snap"));
    expect(await sumOf(open(tables[1]!.replace("snapshot", "snapshot-merge"), [{ source: origin }, { source: store }]))).toBe(sums.get("snap"));
  });

  test("with more exceptions than one area lists is read whole", async () => {
    const { sums, tables } = said("snapshot-areas");
    const zeros = memorySource(Buffer.alloc(8192 * 512));
    expect(await sumOf(open(tables[0]!, [{ source: zeros }, { source: await disk("snapshot-areas.cow") }]))).toBe(sums.get("snap"));
  });

  test.each([
    { what: "the magic", damage: { flip: 0 }, found: /the magic is 0x[0-9a-f]{8}, not 0x70416e53/ },
    { what: "the mark that it is valid", damage: { write: [{ at: 4, bytes: Buffer.alloc(4) }] }, found: /it is marked as invalid: the store was full/ },
    { what: "the version", damage: { flip: 8 }, found: /the version is 254; known: 1/ },
    { what: "the chunk", damage: { flip: 12 }, found: /a chunk has 247 sectors/ },
    { what: "a new chunk", damage: { flip: 4096 + 15 }, found: /an exception at byte 4096 is in chunk \d+ of 128/ },
    { what: "its end", damage: { truncate: 4100 }, found: /it ends at byte 4100|a chunk has/ },
  ])("with damage to $what of its store is refused", async ({ damage, found }) => {
    const { tables } = said("snapshot");
    const source = open(tables[1]!, [{ source: await disk("snapshot.origin") }, { source: await disk("snapshot.cow", damage) }]);
    if ("truncate" in damage) await source.read(0, 512).catch((error: Error) => expect(error.message).toMatch(found));
    else await expect(source.read(0, 512)).rejects.toThrow(found);
  });
});

describe("thin volumes", () => {
  const volume = async (index: number, damage?: Damage) => {
    const { tables } = said("thin");
    const [metadata, data] = [await disk("thin.meta", damage), await disk("thin.data")];
    const [pool] = parseTable(tables.at(-1)!, (path) => ({ path, source: path === /253:\d+/.exec(tables.at(-1)!)![0] ? metadata : data }))[0]!.targets;
    if (pool?.type !== "thin-pool") throw new Error("no pool");
    return open(tables[index]!, [{ source: data, pool }]);
  };

  test.each([[0, "thin0"], [1, "thin3"], [2, "thin7"]] as const)("volume %i of the pool, %s, is what the kernel read of it", async (index, name) => {
    const source = await volume(index);
    expect(await sumOf(source)).toBe(said("thin").sums.get(name));
  });

  test.each([
    { what: "the superblock's checksum", damage: { flip: 0 }, found: /the checksum of the superblock in block 0 is/ },
    { what: "the superblock", damage: { flip: 321 }, found: /the checksum of the superblock in block 0 is/ },
    { what: "every other block", damage: { flip: Array.from({ length: 511 }, (_, block) => (block + 1) * 4096 + 40) }, found: /the checksum of the B-tree node in block \d+ is/ },
    { what: "its end", damage: { truncate: 4096 * 3 }, found: /thin.meta.img: it ends at byte 12288/ },
  ])("with damage to $what of the metadata can't be read", async ({ damage, found }) => {
    const source = await volume(2, damage);
    await expect(source.read(source.sizeBytes - 512, 512)).rejects.toThrow(found);
  });

  test("an id that the pool doesn't have is an error", async () => {
    const { tables } = said("thin");
    const [pool] = parseTable(tables.at(-1)!, (path) => ({ path, source: memorySource(Buffer.alloc(0)) }))[0]!.targets;
    const metadata = await disk("thin.meta");
    if (pool?.type !== "thin-pool") throw new Error("no pool");
    const source = open("0 8 thin 1:0 4", [{ source: await disk("thin.data"), pool: { ...pool, metadata: { path: "meta", source: metadata } } }]);
    await expect(source.read(0, 1)).rejects.toThrow("opening the thin volume 4 on 1:0: the pool has no volume of that id");
  });

  test("where a volume has no block, it is its external origin, as far as that goes", async () => {
    const { tables } = said("thin");
    const origin = memorySource(Buffer.alloc(700 * 4096, 0x5a));
    const plain = await volume(0);
    const [pool] = parseTable(tables.at(-1)!, (path) => ({ path, source: memorySource(Buffer.alloc(0)) }))[0]!.targets;
    if (pool?.type !== "thin-pool") throw new Error("no pool");
    const [metadata, data] = [{ path: "m", source: await disk("thin.meta") }, { path: "d", source: await disk("thin.data") }];
    const source = open("0 40960 thin 1:0 0 1:1", [{ source: data.source, pool: { ...pool, metadata, data } }, { source: origin }]);
    expect(await source.read(0, 4096)).toEqual(await plain.read(0, 4096));
    expect(await source.read(500 * 4096, 10)).toEqual(Buffer.alloc(10, 0x5a));
    expect(await source.read(700 * 4096 - 5, 10)).toEqual(Buffer.concat([Buffer.alloc(5, 0x5a), Buffer.alloc(5)]));
  });
});

describe.each([1, 2])("a cache with metadata of version %i", (version) => {
  const cached = async (damage?: Damage) => {
    const devices = await Promise.all([disk(`cache${version}.meta`, damage), disk(`cache${version}.fast`), disk(`cache${version}.slow`)]);
    return { devices, source: open(said(`cache${version}`).tables[0]!, devices.map((source) => ({ source }))) };
  };

  test("is the slow device with what only the fast one has", async () => {
    const { sums } = said(`cache${version}`);
    const { devices, source } = await cached();
    expect(await sumOf(source)).toBe(sums.get("cached"));
    expect(sha256(await readAll(devices[2]!))).not.toBe(sums.get("cached")); // else this shows nothing
  });

  test.each([
    { what: "the superblock", damage: { flip: 240 }, found: /the checksum of the superblock in block 0 is/ },
    { what: "every other block", damage: { flip: Array.from({ length: 255 }, (_, block) => (block + 1) * 4096 + 40) }, found: /the checksum of the (B-tree node|array block) in block \d+ is/ },
  ])("with damage to $what of the metadata can't be read", async ({ damage, found }) => {
    await expect((await cached(damage)).source.read(0, 512)).rejects.toThrow(found);
  });
});

const readAll = (source: Source): Promise<Buffer> => source.read(0, source.sizeBytes);
