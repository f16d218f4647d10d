import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { ARCHITECTURES, ownArchitecture } from "../../../src/host/architecture.ts";
import { findUkify, makeUki, ukiFor } from "../../../src/host/image/uki.ts";

let directory: string;
beforeEach(() => { directory = mkdtempSync(join(tmpdir(), "mkinitrd-uki-")); });
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(directory, { recursive: true });
});

/** In place of ukify: its words, one in a line, are the output. */
function fakeUkify(end = "exit 0"): void {
  writeFileSync(join(directory, "ukify"), `#!/bin/sh\nfor word; do case $word in --output=*) out=\${word#--output=};; esac; done\nprintf '%s\\n' "$@" >"$out"\n${end}\n`);
  chmodSync(join(directory, "ukify"), 0o755);
  vi.stubEnv("PATH", `${directory}:${process.env["PATH"]}`);
}

test("ukify gets the kernel, its release, the initrd, the command line as one word, and the sysroot's os-release", async () => {
  fakeUkify();
  mkdirSync(join(directory, "etc"));
  writeFileSync(join(directory, "etc/os-release"), "ID=debian\n");
  const output = join(directory, "linux.efi");
  await makeUki({ kernel: "/boot/vmlinuz-6.1", kernelRelease: "6.1", initrd: "/i", sysroot: directory, settings: { commandLine: "quiet realroot=local:ext4:LABEL=a", stub: "/stub" } }, output);
  expect(readFileSync(output, "utf8").trim().split("\n")).toEqual([
    "build", "--linux=/boot/vmlinuz-6.1", "--initrd=/i", "--uname=6.1", `--output=${output}`, "--cmdline=quiet realroot=local:ext4:LABEL=a", "--stub=/stub", `--os-release=@${directory}/etc/os-release`,
  ]);
});

test("what ukify says when it fails is in the error; without ukify the error says what to install", async () => {
  fakeUkify("echo 'Value error: no key' >&2; exit 1");
  await expect(makeUki({ kernel: "/k", kernelRelease: "6.1", initrd: "/i", sysroot: "/", settings: {} }, join(directory, "o"))).rejects.toThrow(/Value error: no key/);
  expect(() => findUkify(join(directory, "none"))).toThrow(/no program ukify\n {2}next: install it; on Debian 13/);
});

const other = ownArchitecture().name === "x86_64" ? ARCHITECTURES.aarch64 : ARCHITECTURES.x86_64;

/** A kernel file that says what it is for, as a bzImage and an Image of arm64 do. */
function kernelFor({ name }: typeof other): string {
  const bytes = Buffer.alloc(4096);
  bytes.write(name === "x86_64" ? "HdrS" : "ARM\x64", name === "x86_64" ? 0x202 : 56, "latin1");
  const file = join(directory, `vmlinuz-${name}`);
  writeFileSync(file, bytes);
  return file;
}

test("for another architecture the stub is the sysroot's; without it the error names the package", () => {
  const kernel = kernelFor(other);
  const stub = join(directory, `usr/lib/systemd/boot/efi/linux${other.name === "aarch64" ? "aa64" : "x64"}.efi.stub`);
  const ask = (settings = {}) => ukiFor(other, { kernel, sysroot: directory, settings });
  expect(() => ask()).toThrow(`making a unified kernel image on ${stub}: no such file\n  next: unpack ${other.debian}'s package systemd-boot-efi there, or name the stub`);
  expect(ask({ stub: "/own" })).toEqual({ stub: "/own" });
  mkdirSync(join(stub, ".."), { recursive: true });
  writeFileSync(stub, "");
  expect(ask({ commandLine: "quiet" })).toEqual({ commandLine: "quiet", stub });
});

test("for this machine's own ukify finds the stub; a kernel for another architecture is refused", () => {
  expect(ukiFor(ownArchitecture(), { kernel: kernelFor(ownArchitecture()), sysroot: "/", settings: {} })).toEqual({});
  expect(() => ukiFor(ownArchitecture(), { kernel: kernelFor(other), sysroot: "/", settings: {} })).toThrow(`it is a kernel for ${other.name}, and the programs in / are for ${ownArchitecture().name}\n  next: name another one: --uki-kernel FILE`);
});
