import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { readKernelConfig } from "../../../src/host/plan/kernel-config.ts";

let root: string;
beforeEach(() => void (root = mkdtempSync(join(tmpdir(), "kernel-config-"))));
afterEach(() => rmSync(root, { recursive: true }));

test.each([
  { modules: "tree/lib/modules/6.1", places: ["tree/lib/modules/6.1/config", "tree/boot/config-6.1", "sysroot/boot/config-6.1", "tree/lib/modules/6.1/build/.config"] },
  { modules: "tree/usr/lib/modules/6.1", places: ["tree/boot/config-6.1", "sysroot/boot/config-6.1"] },
  { modules: "elsewhere/6.1", places: ["elsewhere/6.1/config", "sysroot/boot/config-6.1"] },
])("of the modules in $modules the first of $places is read", ({ modules, places }) => {
  const read = () => readKernelConfig({ directory: join(root, modules), release: "6.1" }, join(root, "sysroot"));
  expect(read()).toBeUndefined();
  for (const place of places.toReversed()) {
    mkdirSync(dirname(join(root, place)), { recursive: true });
    writeFileSync(join(root, place), `# CONFIG_RD_GZIP is not set\nCONFIG_RD_ZSTD=y\nCONFIG_DEFAULT_INIT=""\n# ${place}\n`);
    const config = read();
    expect(config?.file).toBe(join(root, place));
    expect(["CONFIG_RD_ZSTD", "CONFIG_RD_GZIP", "CONFIG_DEFAULT_INIT"].map((symbol) => config?.value(symbol))).toEqual(["y", undefined, '""']);
  }
});

test("one that can't be read is an error that names it", () => {
  mkdirSync(join(root, "sysroot/boot/config-6.1"), { recursive: true });
  expect(() => readKernelConfig({ directory: "/nowhere/6.1", release: "6.1" }, join(root, "sysroot"))).toThrow(/reading the kernel's configuration on .*config-6\.1: it is a directory/);
});
