import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { RARER_CONTAINERS } from "../../src/core/volumes/rarer-formats.ts";
import { createTestContext } from "../../src/core/rc/testing.ts";
import mount from "../../rc.d/mount.ts";

const page = readFileSync(join(import.meta.dirname, "../../docs/formats.md"), "utf8");
const formats = ["befs", "bcache", "bcachefs", "bitlocker", "exfat", "ext", "foreign-superblocks", "hammer2", "hfs", "iso9660", "minix", "nilfs", "ntfs", "other-superblocks", "raid-members", "udf", "zfs"];

test.each(formats)("docs/formats.md names each type that %s.ts finds", (name) => {
  const source = readFileSync(join(import.meta.dirname, `../../src/core/formats/${name}.ts`), "utf8");
  const types = [...source.matchAll(/(?:type: |scoutfs\()"(\w+)"/g)].map(([, type]) => type!);
  for (const type of types) expect(page).toContain(`\`${type}\``);
});

test("docs/formats.md names what holds other volumes", () => {
  for (const type of RARER_CONTAINERS) expect(page).toContain(`\`${type}\``);
});

test.each(RARER_CONTAINERS)("docs/formats.md: %s is not mounted", async (type) => {
  const example = /^finding .*$/m.exec(page)![0].replace("BitLocker", type);
  const ctx = createTestContext({ volumes: { "/dev/vda2": { content: { type } } }, realroot: { kind: "local", device: "/dev/vda2" } });
  await expect(mount(ctx)).rejects.toThrow(example);
});
