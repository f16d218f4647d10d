import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { REPORT_NAME, writeToDevice } from "../../src/boot/report-device.ts";
import type { Content, Volume } from "../../src/core/volumes/types.ts";

const ESP: Volume = { name: "/dev/vda1", path: "/dev/vda1", layer: "partition", sizeBytes: 1, content: { type: "vfat", label: "ESP" } as Content };
const PLACE = { device: "LABEL=ESP", directory: "/EFI/mkinitrd" };

let folder: string;
let did: string[];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "mkinitrd-report-"));
  did = [];
});
afterEach(() => rmSync(folder, { recursive: true }));

/** A machine whose one device is a folder. */
const machine = (volumes = [ESP], obstacle?: string) => ({
  volumes,
  target: join(folder, "target"),
  obstacle: async () => obstacle,
  mount: async ({ source, fstype, options }: { source: string; target: string; fstype: string; options: string[] }) => void did.push(`mount ${source} ${fstype} ${options.join(",")}`),
  unmount: async () => void did.push("unmount"),
});
const read = (name: string) => readFileSync(join(folder, "target/EFI/mkinitrd", name), "utf8");

test("a report lies on the device, which is mounted for it alone, and the one before it is kept beside it", async () => {
  await expect(writeToDevice(PLACE, "first", machine())).resolves.toBe(`/EFI/mkinitrd/${REPORT_NAME} on /dev/vda1`);
  expect(read(REPORT_NAME)).toBe("first");
  expect(did).toEqual(["mount /dev/vda1 vfat rw,nosuid,nodev,noexec,umask=0077", "unmount"]);
  await writeToDevice(PLACE, "second", machine());
  await writeToDevice(PLACE, "third", machine());
  expect([read(REPORT_NAME), read(`${REPORT_NAME}.old`)]).toEqual(["third", "second"]);
  expect(readdirSync(join(folder, "target/EFI/mkinitrd")).sort()).toEqual([REPORT_NAME, `${REPORT_NAME}.old`]);
});

test.each([
  { what: "no device of this name", volumes: [], found: /no such device/ },
  { what: "two of this name", volumes: [ESP, { ...ESP, name: "/dev/vdb1", path: "/dev/vdb1" }], found: /2 devices have this name: \/dev\/vda1, \/dev\/vdb1/ },
  { what: "a member of an array", volumes: [{ ...ESP, partition: { number: 1, partUuid: "u", partLabel: "ESP" }, content: { type: "linux_raid_member" } as Content }], device: "PARTLABEL=ESP", found: /it holds linux_raid_member; known: vfat/ },
  { what: "a volume that is not open", volumes: [{ name: "vg/lv", layer: "lv" as const, sizeBytes: 1, content: ESP.content! }], found: /no such device/ },
  { what: "a hibernated machine", volumes: [ESP], obstacle: "the machine is hibernated", found: /the machine is hibernated/ },
])("with $what nothing is mounted", async ({ volumes, device = PLACE.device, obstacle, found }) => {
  await expect(writeToDevice({ ...PLACE, device }, "text", machine(volumes, obstacle))).rejects.toThrow(found);
  expect(did).toEqual([]);
});

test("a link of the disk leads nowhere: a directory is refused, a file is replaced", async () => {
  const outside = join(folder, "outside");
  mkdirSync(outside);
  mkdirSync(join(folder, "target"));
  symlinkSync(outside, join(folder, "target/EFI"));
  await expect(writeToDevice(PLACE, "text", machine())).rejects.toThrow(/"\/EFI\/mkinitrd" leads over a link/);
  rmSync(join(folder, "target/EFI"));
  mkdirSync(join(folder, "target/EFI/mkinitrd"), { recursive: true });
  for (const name of [REPORT_NAME, `${REPORT_NAME}.new`]) symlinkSync(join(outside, "file"), join(folder, "target/EFI/mkinitrd", name));
  writeFileSync(join(outside, "file"), "as it was");
  await writeToDevice(PLACE, "text", machine());
  expect(readdirSync(outside)).toEqual(["file"]);
  expect(readFileSync(join(outside, "file"), "utf8")).toBe("as it was");
  expect(read(REPORT_NAME)).toBe("text");
});

test("what went wrong while it was written is told, and the device is unmounted", async () => {
  mkdirSync(join(folder, "target"));
  writeFileSync(join(folder, "target/EFI"), "a file where the directory should be");
  await expect(writeToDevice(PLACE, "text", machine())).rejects.toThrow(/writing the report of the failed boot on LABEL=ESP: /);
  expect(did.at(-1)).toBe("unmount");
  expect(existsSync(join(folder, "target/EFI/mkinitrd"))).toBe(false);
});
