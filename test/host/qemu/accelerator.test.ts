import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { chooseAccelerator } from "../../../src/host/qemu/accelerator.ts";

let directory: string;
let kernel: string;
const { PATH } = process.env;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "accelerator-"));
  kernel = join(directory, "vmlinuz");
  writeFileSync(kernel, "kernel");
});
afterEach(() => {
  process.env["PATH"] = PATH;
  rmSync(directory, { recursive: true });
});

/** Puts a QEMU on the path that does what the script says, and writes a line to `runs` each time. */
function fakeQemu(script: string): void {
  writeFileSync(join(directory, "qemu-system-x86_64"), `#!/bin/sh\necho run >>${directory}/runs\n${script}\n`, { mode: 0o755 });
  process.env["PATH"] = `${directory}:${PATH}`;
}
const runs = (): number => readFileSync(join(directory, "runs"), "utf8").split("\n").length - 1;
const choose = (options: { device?: string; env?: NodeJS.ProcessEnv } = {}): Promise<string> =>
  chooseAccelerator(kernel, join(directory, "cache"), { env: {}, device: kernel, probeWithinMs: 500, ...options });

describe("KVM is chosen", () => {
  test("when a kernel comes as far as looking for its root", async () => {
    fakeQemu('echo "Kernel panic - not syncing: VFS: Unable to mount root fs on unknown-block(0,0)"');
    await expect(choose()).resolves.toBe("kvm");
  });
});

describe("TCG is chosen", () => {
  test("when the probe's guest hangs", async () => {
    fakeQemu("exec sleep 60");
    await expect(choose()).resolves.toBe("tcg");
  });

  test("when QEMU refuses KVM", async () => {
    fakeQemu("echo failed to initialize kvm >&2; exit 1");
    await expect(choose()).resolves.toBe("tcg");
  });

  test("when the guest ends without having said anything", async () => {
    fakeQemu("exit 0");
    await expect(choose()).resolves.toBe("tcg");
  });

  test("when there is no /dev/kvm, without a probe", async () => {
    fakeQemu("exit 0");
    await expect(choose({ device: join(directory, "kvm") })).resolves.toBe("tcg");
    expect(runs).toThrow();
  });
});

test("a cache that can't be written costs a probe, and is no error", async () => {
  fakeQemu("exit 0");
  writeFileSync(join(directory, "cache"), "");
  await expect(choose()).resolves.toBe("tcg");
});

test("the outcome is asked for once per kernel", async () => {
  fakeQemu("exit 1");
  await choose();
  await choose();
  expect(runs()).toBe(1);
  writeFileSync(kernel, "another kernel");
  await choose();
  expect(runs()).toBe(2);
});

test("a cache that can't be read costs a probe and nothing else", async () => {
  fakeQemu("exit 1");
  await choose();
  writeFileSync(join(directory, "cache/accelerator.json"), "[1");
  await expect(choose()).resolves.toBe("tcg");
});

test("the environment decides where it says something", async () => {
  await expect(choose({ env: { MKINITRD_ACCELERATOR: "kvm" } })).resolves.toBe("kvm");
  await expect(choose({ env: { MKINITRD_ACCELERATOR: "xen" } })).rejects.toThrow(/it is "xen"\n {2}next: known: kvm, tcg/);
});

test("a kernel for another architecture runs under TCG whatever is asked for, without a probe", async () => {
  fakeQemu("exit 0");
  const image = Buffer.alloc(4096);
  image.write(process.arch === "arm64" ? "HdrS" : "ARM\x64", process.arch === "arm64" ? 0x202 : 56, "latin1");
  writeFileSync(kernel, image);
  await expect(choose({ env: { MKINITRD_ACCELERATOR: "kvm" } })).resolves.toBe("tcg");
  expect(runs).toThrow();
});
