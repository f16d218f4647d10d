import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { afterEach, beforeEach, expect, test } from "vitest";
import { driverArrives } from "../../src/boot/late-driver.ts";

const LOADING = "xor 24576 1 btrfs, Live 0xffffffffc0400000\nbtrfs 1773568 0 - Loading 0xffffffffc0500000 (+)\n";
const LIVE = "btrfs 1773568 0 - Live 0xffffffffc0500000\n";
let proc: string;
beforeEach(() => { proc = mkdtempSync(join(tmpdir(), "late-driver-")); });
afterEach(() => rmSync(proc, { recursive: true }));

function set(modules: string, filesystems: string): void {
  writeFileSync(join(proc, "modules"), modules);
  writeFileSync(join(proc, "filesystems"), `nodev\ttmpfs\n\text4\n${filesystems}`);
}

test("a driver that is being loaded is waited for", async () => {
  set(LOADING, "");
  const arrives = driverArrives("btrfs", { proc });
  expect(await Promise.race([arrives, pause(100, "waits")])).toBe("waits");
  set(LIVE, "\tbtrfs\n");
  expect(await arrives).toBe(true);
});

test.each([
  { what: "one that is there", modules: LIVE, filesystems: "\tbtrfs\n", expected: true },
  { what: "one that is there while others are loaded", modules: LOADING, filesystems: "\tbtrfs\n", expected: true },
  { what: "one that nothing loads", modules: LIVE, filesystems: "", expected: false },
  { what: "one whose name another filesystem's begins with", modules: LIVE, filesystems: "\tbtrfs2\n", expected: false },
])("$what is no cause to wait: $expected", async ({ modules, filesystems, expected }) => {
  set(modules, filesystems);
  expect(await Promise.race([driverArrives("btrfs", { proc }), pause(500, "waits")])).toBe(expected);
});

test("a module that does not come to an end is not waited for without end", async () => {
  set(LOADING, "");
  expect(await driverArrives("btrfs", { proc, withinMs: 50 })).toBe(false);
});
