import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { planHostname } from "../../../src/host/plan/hostname.ts";
import { openSysroot } from "../../../src/host/plan/sysroot.ts";

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "mkinitrd-hostname-"));
  mkdirSync(join(root, "etc"));
});
afterEach(() => rmSync(root, { recursive: true }));

test.each([
  { configured: undefined, file: "laptop\n", planned: { notes: [] } },
  { configured: "desk", file: "laptop\n", planned: { name: "desk", notes: [] } },
  { configured: "auto", file: "# the name\n\n laptop \n", planned: { name: "laptop", notes: [] } },
  { configured: "auto", file: undefined, planned: { notes: ["hostname: auto, and /etc/hostname names none: the prompt shows no name"] } },
])("hostname: $configured where /etc/hostname says $file", ({ configured, file, planned }) => {
  if (file !== undefined) writeFileSync(join(root, "etc/hostname"), file);
  expect(planHostname(configured, openSysroot(root))).toEqual(planned);
});
