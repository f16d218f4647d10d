import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { findUkify, makeUki } from "../../../src/host/image/uki.ts";

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
