import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { EXIT_RETRY } from "../../src/boot/menu.ts";
import { otherRootChoices, readChosenRoot } from "../../src/boot/other-root.ts";
import { createScreen, type Screen } from "../../src/boot/tui/screen.ts";
import { DEFAULT_RESCUE } from "../../src/core/rc/boot-config.ts";
import { parseCommandLine } from "../../src/core/realroot/command-line.ts";
import { parseRealroot } from "../../src/core/realroot/stage.ts";
import type { Volume } from "../../src/core/volumes/types.ts";
import { createDesk } from "./tui/desk.ts";

const DEVICE = { script: "rc.d/x.js", fields: ["device", "options"], options: [], encrypted: false };
const CONFIG = { steps: [], kinds: { local: DEVICE, lvm: DEVICE }, realroot: "", sealed: false, encrypted: false, rescue: DEFAULT_RESCUE, timeoutMs: 10, imageId: "" };
const VOLUMES: Volume[] = [
  { name: "/dev/vda1", path: "/dev/vda1", layer: "partition", sizeBytes: 2 ** 30, content: { type: "ext4", uuid: "e", label: "old root" } },
  { name: "/dev/vda2", path: "/dev/vda2", layer: "partition", sizeBytes: 2 ** 30, content: { type: "crypto_LUKS", uuid: "c" } }, // no script for it in this image
  { name: "/dev/vdb", path: "/dev/vdb", layer: "disk", sizeBytes: 2 ** 31, content: { type: "xfs", uuid: "x" } },
];

let folder: string;
let screen: Screen;
beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), "mkinitrd-root-"))));
afterEach(async () => {
  await screen.close();
  rmSync(folder, { recursive: true });
});

function open(volumes = VOLUMES) {
  const desk = createDesk();
  screen = createScreen({ terminals: [desk.terminal] });
  const file = join(folder, "realroot");
  const current = () => parseRealroot("lvm:auto:vg/missing", CONFIG.kinds);
  const [choose, edit] = otherRootChoices({ screen, config: CONFIG, scan: async () => volumes, current, file });
  return { ...desk, choose: choose!, edit: edit!, file };
}

test("of the volumes that the image can open one is chosen, and the next attempt boots it", async () => {
  const { choose, shows, type, file } = open();
  const status = choose.run(undefined);
  await shows(/1 {2}\/dev\/vda1 {2}ext4 "old root" {2}1 GiB[^]*2 {2}\/dev\/vdb {2}xfs {2}2 GiB[^]*Choose:/);
  type("2");
  await expect(status).resolves.toBe(EXIT_RETRY);
  expect(readChosenRoot(file)).toBe("local:xfs:UUID=x");
});

test("who goes back has chosen nothing; where there is nothing to choose that is said", async () => {
  const { choose, shows, type, file } = open();
  const status = choose.run(undefined);
  await shows(/Choose:/);
  type("\x1b");
  await expect(status).resolves.toBeUndefined();
  expect(readChosenRoot(file)).toBeUndefined();
  await screen.close();
  const other = open([]);
  await expect(other.choose.run(undefined)).resolves.toBeUndefined();
  await other.shows("No volume that is here may be the root");
});

test("the realroot is edited from what was tried; what is wrong with it is said, and it can be put right", async () => {
  const { edit, shows, type, file } = open();
  const status = edit.run(undefined);
  await shows(/> lvm:auto:vg\/missing/);
  type("\x15nosuch:ext4:/dev/vda1\r");
  await shows(/known: local, lvm[^]*> nosuch:ext4:\/dev\/vda1/);
  type("\x15local:ext4:/dev/vda1\r");
  await expect(status).resolves.toBe(EXIT_RETRY);
  expect(readChosenRoot(file)).toBe("local:ext4:/dev/vda1");
});

test("what was chosen stands in place of the command line's and of the default", () => {
  const options = { kinds: CONFIG.kinds, defaultRealroot: "local:auto:/dev/default", sealed: false, chosen: "lvm:ext4:vg/lv" };
  expect(parseCommandLine("realroot=broken rw quiet", options)).toMatchObject({ stages: [{ kind: "lvm", device: "vg/lv" }], readonly: false, quiet: true });
});
