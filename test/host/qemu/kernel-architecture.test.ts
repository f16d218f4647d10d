import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { gzipSync } from "node:zlib";
import { arm64Sysroot } from "../../../tools/arm64.js";
import { stableKernel, vmKernel } from "../../../tools/kernel.js";
import { ownArchitecture } from "../../../src/host/architecture.ts";
import { kernelArchitecture, machineFor } from "../../../src/host/qemu/kernel-architecture.ts";
import { findVmKernel } from "../../../src/host/qemu/vm-kernel.ts";

let directory: string;
beforeEach(() => { directory = mkdtempSync(join(tmpdir(), "kernel-")); });
afterEach(() => rmSync(directory, { recursive: true }));

function architectureOf(bytes: Buffer): string | undefined {
  const file = join(directory, "vmlinuz");
  writeFileSync(file, bytes);
  return kernelArchitecture(file);
}

function withText(at: number, text: string, size = 4096): Buffer {
  const bytes = Buffer.alloc(size);
  bytes.write(text, at, "latin1");
  return bytes;
}

/** An EFI program: MZ, at 0x3c where the PE header is, there its machine. */
function efiProgram(machine: number, headerAt = 0x80): Buffer {
  const bytes = withText(0, "MZ\0\0zimg");
  bytes.writeUInt32LE(headerAt, 0x3c);
  if (headerAt + 6 > bytes.length) return bytes;
  bytes.write("PE\0\0", headerAt, "latin1");
  bytes.writeUInt16LE(machine, headerAt + 4);
  return bytes;
}

test.each([
  { what: "a bzImage", bytes: withText(0x202, "HdrS"), name: "x86_64" },
  { what: "an Image of arm64", bytes: withText(56, "ARM\x64"), name: "aarch64" },
  { what: "an Image in gzip", bytes: gzipSync(Buffer.concat([withText(56, "ARM\x64"), Buffer.from(Array.from({ length: 300_000 }, (_, i) => (i * 7919) >> 3 & 255))])), name: "aarch64" },
  { what: "an EFI program of arm64", bytes: efiProgram(0xaa64), name: "aarch64" },
  { what: "an EFI program of x86-64", bytes: efiProgram(0x8664), name: "x86_64" },
  { what: "an EFI program of another machine", bytes: efiProgram(0x5064), name: undefined },
  { what: "an EFI program whose header is past its end", bytes: efiProgram(0xaa64, 0xffff_fff0), name: undefined },
  { what: "an Image with another magic", bytes: withText(56, "ARM\x65"), name: undefined },
  { what: "damaged gzip", bytes: Buffer.from("1f8b08ffffff", "hex"), name: undefined },
  { what: "an empty file", bytes: Buffer.alloc(0), name: undefined },
])("$what is for $name", ({ bytes, name }) => {
  expect(architectureOf(bytes)).toBe(name);
});

test.each([[vmKernel, "x86_64"], [stableKernel, "x86_64"], [arm64Sysroot, "aarch64"]].filter(([place = ""]) => existsSync(place)))("Debian's kernel in %s is for %s", (place, name) => {
  expect(kernelArchitecture(findVmKernel(place).image)).toBe(name);
});

test("a kernel that does not say is started by this machine's kind of machine, and has its serial line", () => {
  const file = join(directory, "vmlinuz");
  writeFileSync(file, "kernel");
  expect(machineFor(file).architecture).toBe(ownArchitecture().name);
  writeFileSync(file, withText(56, "ARM\x64"));
  expect(machineFor(file)).toEqual({ architecture: "aarch64", console: "ttyAMA0" });
});

test("a kernel that is not there is an error", () => {
  expect(() => kernelArchitecture(join(directory, "none"))).toThrow(/opening the kernel on .*none: /);
});
