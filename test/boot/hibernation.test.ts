import { execFileSync } from "node:child_process";
import { mkdtempSync, openSync, closeSync, readFileSync, rmSync, truncateSync, writeFileSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createHibernation } from "../../src/boot/hibernation.ts";
import { findProgram } from "../../tools/packages.js";

const PAGE_BYTES = 4096;
let directory: string;
let hibernation: ReturnType<typeof createHibernation>;
const file = (name: string) => join(directory, name);
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "mkinitrd-hibernation-"));
  for (const [name, text] of [["resume", "0:0\n"], ["resume_offset", "0\n"], ["mounts", "proc /proc proc rw 0 0\n"], ["smaps", "00400000-1 r-xp\nKernelPageSize:        4 kB\n"]] as const) writeFileSync(file(name), text);
  hibernation = createHibernation("/new_root", { power: directory, mounts: file("mounts"), smaps: file("smaps"), mark: file("mark") });
});
afterEach(() => rmSync(directory, { recursive: true }));

test("the kernel gets the page of a swap file, and then the device", async () => {
  await hibernation.resume("254:3", 38912);
  expect(readFileSync(file("resume_offset"), "utf8")).toBe("38912");
  expect(readFileSync(file("resume"), "utf8")).toBe("254:3");
});

test("nothing stands against a resume at first", async () => {
  await expect(hibernation.obstacle()).resolves.toBeUndefined();
});

test("a mounted root, an attempt that went by, and a kernel that can't are obstacles", async () => {
  writeFileSync(file("mounts"), "/dev/vda2 /new_root ext4 ro 0 0\n");
  await expect(hibernation.obstacle()).resolves.toMatch(/the root was mounted/);
  writeFileSync(file("mounts"), "");
  await hibernation.giveUp();
  await expect(hibernation.obstacle()).resolves.toMatch(/the root was mounted/);
  rmSync(file("resume"));
  await expect(hibernation.obstacle()).resolves.toBe("this kernel can't resume");
});

const mkswap = findProgram("mkswap");
describe.skipIf(mkswap === undefined)(`an area made by mkswap${mkswap === undefined ? " (skipped: no mkswap)" : ""}`, () => {
  const PAGE = 5;
  /** A file with a swap area at page 5, and the kernel's signature of an image in place of its own where asked for. */
  function makeArea(signature?: string): string {
    const [swap, disk] = [file("swap"), file("disk")];
    writeFileSync(swap, "", { mode: 0o600 });
    truncateSync(swap, 40 * PAGE_BYTES);
    execFileSync(mkswap!, [swap], { stdio: "ignore" });
    writeFileSync(disk, Buffer.concat([Buffer.alloc(PAGE * PAGE_BYTES), readFileSync(swap)]));
    if (signature === undefined) return disk;
    const descriptor = openSync(disk, "r+");
    writeSync(descriptor, Buffer.from(signature.padEnd(10, "\0")), 0, 10, (PAGE + 1) * PAGE_BYTES - 10);
    closeSync(descriptor);
    return disk;
  }

  test("has no image", async () => {
    await expect(hibernation.probeArea(makeArea(), PAGE)).resolves.toMatchObject({ type: "swap" });
  });

  test("has one with the signature that kernel/power/swap.c writes", async () => {
    await expect(hibernation.probeArea(makeArea("S1SUSPEND"), PAGE)).resolves.toMatchObject({ type: "swsuspend", version: "s1suspend" });
  });

  test.each([0, 4, 6, 45, 10 ** 12])("is not at page %i", async (page) => {
    await expect(hibernation.probeArea(makeArea("S1SUSPEND"), page)).resolves.toBeUndefined();
  });
});
