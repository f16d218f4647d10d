import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { findVmKernel } from "../../../src/host/qemu/vm-kernel.ts";

let directory: string;
beforeEach(() => { directory = mkdtempSync(join(tmpdir(), "kernels-")); });
afterEach(() => rmSync(directory, { recursive: true }));

function addKernel(release: string, modules = "lib/modules"): void {
  mkdirSync(join(directory, "boot"), { recursive: true });
  writeFileSync(join(directory, `boot/vmlinuz-${release}`), "");
  mkdirSync(join(directory, modules, release), { recursive: true });
}

test("the newest kernel is taken, by its numbers", () => {
  addKernel("6.1.0-9-cloud-amd64");
  addKernel("6.1.0-56-cloud-amd64");
  expect(findVmKernel(directory)).toEqual({ release: "6.1.0-56-cloud-amd64", image: join(directory, "boot/vmlinuz-6.1.0-56-cloud-amd64"), modulesDirectory: join(directory, "lib/modules") });
});

test("modules may lie below usr, as in newer packages", () => {
  addKernel("6.12.0", "usr/lib/modules");
  expect(findVmKernel(directory).modulesDirectory).toBe(join(directory, "usr/lib/modules"));
});

test("without one it says how to get one", () => {
  expect(() => findVmKernel(directory)).toThrow(/no vmlinuz-RELEASE there\n {2}next: npm run setup/);
});
