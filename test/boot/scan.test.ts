import { expect, test } from "vitest";
import { createScan } from "../../src/boot/scan.ts";
import { memorySource, type Source } from "../../src/core/binary/source.ts";

const SIZE = 1 << 20;
const block = (path: string) => ({ path, sizeBytes: SIZE, logicalBlockBytes: 512 });

/** A machine with these disks; one whose source is a promise answers when that is there. */
function machine(disks: Record<string, Source | Promise<Source> | (() => Promise<Source>)>, patienceMs = 20) {
  const told: string[] = [];
  const opened: string[] = [];
  const log = { step() {}, warn: (text: string) => void told.push(text), debug: (text: string) => void told.push(text), mark() {} };
  const open = async (path: string) => {
    opened.push(path);
    const disk = disks[path]!;
    return typeof disk === "function" ? disk() : disk;
  };
  return { told, opened, scan: createScan(log, { list: () => Object.keys(disks).map(block), open, patienceMs }) };
}

test("a disk that never answers is listed as such, holds up the first scan alone, and hides no other", async () => {
  let closed = 0;
  const dead: Source = { name: "/dev/sda", sizeBytes: SIZE, read: () => new Promise(() => {}), close: async () => void closed++ };
  const { scan, told, opened } = machine({ "/dev/sda": dead, "/dev/sdb": memorySource(Buffer.alloc(SIZE), "/dev/sdb") });
  for (let round = 1; round <= 3; round++) {
    const volumes = await scan();
    expect(volumes.map(({ name, damage }) => [name, damage])).toEqual([["/dev/sda", expect.stringMatching(/no answer within 0\.02 s/)], ["/dev/sdb", undefined]]);
  }
  expect(opened.filter((path) => path === "/dev/sda")).toHaveLength(1);
  expect(told).toEqual(["/dev/sda does not answer, the boot goes on without it"]);
  expect(closed).toBe(1);
});

test("a disk that takes long to be opened is used when it is there, and what was opened too late is closed", async () => {
  let closed = 0;
  const disk = { ...memorySource(Buffer.alloc(SIZE), "/dev/sda"), close: async () => void closed++ };
  const late = Promise.withResolvers<Source>();
  const { scan } = machine({ "/dev/sda": late.promise });
  await expect(scan()).resolves.toMatchObject([{ damage: expect.stringMatching(/no answer/) }]);
  late.resolve(disk);
  await expect.poll(() => closed).toBe(1);
  const [volume] = await scan();
  expect(volume?.damage).toBeUndefined();
  expect(closed).toBe(2);
});

test("a disk that can't be opened or read is told of once, and hides no other", async () => {
  const broken = { name: "/dev/sdb", sizeBytes: SIZE, read: () => Promise.reject(new Error("EIO")) };
  const { scan, told } = machine({ "/dev/sda": () => Promise.reject(new Error("ENXIO")), "/dev/sdc": memorySource(Buffer.alloc(SIZE), "/dev/sdc") });
  expect((await scan()).map(({ name }) => name)).toEqual(["/dev/sdc"]);
  await scan();
  expect(told).toEqual(["Error: ENXIO"]);
  await expect(machine({ "/dev/sdb": broken }).scan()).resolves.toMatchObject([{ damage: expect.stringMatching(/EIO/) }]);
});
