import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { ARCHITECTURES, ownArchitecture, sysrootArchitecture } from "../../src/host/architecture.ts";
import { checkMachineFacts } from "../../src/host/plan/foreign.ts";
import { openSysroot } from "../../src/host/plan/sysroot.ts";
import { elfHead } from "./elf-head.ts";

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "architecture-"));
  mkdirSync(join(root, "usr/bin"), { recursive: true });
});
afterEach(() => rmSync(root, { recursive: true }));

const busybox = (bytes: Buffer | string) => writeFileSync(join(root, "usr/bin/busybox"), bytes, { mode: 0o755 });

test.each([[62, "x86_64"], [183, "aarch64"]])("a sysroot whose busybox has e_machine %i is for %s", async (machine, name) => {
  busybox(elfHead(machine));
  expect((await sysrootArchitecture(openSysroot(root))).name).toBe(name);
});

test("a sysroot of an architecture without a Node is refused", async () => {
  busybox(elfHead(243));
  await expect(sysrootArchitecture(openSysroot(root))).rejects.toThrow(/finding the architecture of the sysroot on .*busybox: it is a program for riscv\n  next: .*x86_64, aarch64/);
});

test("this machine's own architecture is that of /, and of a sysroot that does not say", async () => {
  expect(await sysrootArchitecture(openSysroot("/"))).toBe(ownArchitecture());
  expect(await sysrootArchitecture(openSysroot(root))).toBe(ownArchitecture());
  busybox("#!/bin/sh\n".padEnd(64));
  expect(await sysrootArchitecture(openSysroot(root))).toBe(ownArchitecture());
});

test("images are built on machines for which there are images", () => {
  expect(ownArchitecture("arm64")).toBe(ARCHITECTURES.aarch64);
  expect(() => ownArchitecture("s390x")).toThrow(/x86-64 and arm64 alone/);
});

const other = ownArchitecture().name === "x86_64" ? ARCHITECTURES.aarch64 : ARCHITECTURES.x86_64;
const modules = (set: "generic" | "auto") => ({ set, add: [], omit: [] });

test("what this machine has is nothing for an image for another architecture", () => {
  expect(() => checkMachineFacts(other, { modules: modules("auto") })).toThrow(/planning the image on modules: auto means what this machine has/);
  expect(() => checkMachineFacts(other, { modules: modules("generic"), microcode: "auto" })).not.toThrow();
  expect(() => checkMachineFacts(ownArchitecture(), { modules: modules("auto") })).not.toThrow();
});

test.each(["amd", "intel", "both"] as const)("microcode %s is for x86 alone", (microcode) => {
  expect(() => checkMachineFacts(ARCHITECTURES.aarch64, { modules: modules("generic"), microcode })).toThrow(/planning the image on microcode: the sysroot is for aarch64/);
  expect(() => checkMachineFacts(ARCHITECTURES.x86_64, { modules: modules("generic"), microcode })).not.toThrow();
});
