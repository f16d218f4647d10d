import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type Guest, startGuest } from "../../../src/host/qemu/guest.ts";
import type { Machine } from "../../../src/host/qemu/machine.ts";

const MACHINE: Machine = { kernel: "vmlinuz", append: "", memoryMiB: 64, smp: 1, accelerator: "tcg", console: "ttyS0", disks: [] };
const { PATH } = process.env;
let directory: string;
let guest: Guest | undefined;

beforeEach(() => { directory = mkdtempSync(join(tmpdir(), "guest-")); });
afterEach(async () => {
  await guest?.end();
  guest = undefined;
  process.env["PATH"] = PATH;
  rmSync(directory, { recursive: true });
});

/** Starts a guest whose QEMU is the shell script; `$runs` counts its starts from 1. */
function start(script: string, machine: Partial<Machine> = {}): Guest {
  const counter = `echo >>${directory}/runs; runs=$(wc -l <${directory}/runs)`;
  writeFileSync(join(directory, "qemu-system-x86_64"), `#!/bin/sh\n${counter}\n${script}\n`, { mode: 0o755 });
  process.env["PATH"] = `${directory}:${PATH}`;
  guest = startGuest({ ...MACHINE, ...machine });
  return guest;
}

test("what is typed reaches the guest's console, and what it answers is seen", async () => {
  const running = start("printf 'name? '; read name; echo \"hello $name\"; exec sleep 60");
  await running.waitFor("name?");
  running.type("root\n");
  await expect(running.waitFor(/hello \w+/)).resolves.toContain("hello root");
});

test("a wait that fails shows the whole console, without escape sequences", async () => {
  const running = start("printf '\\033[31mKernel says hello\\033[0m\\r\\n'; exec sleep 60");
  await running.waitFor("hello");
  await expect(running.waitFor("login:", { timeoutMs: 50 })).rejects.toThrow(
    /waiting for "login:" on the guest's console: 0.05 s have passed; it had written:\nKernel says hello\n/);
});

test("a wait ends when the guest does", async () => {
  const running = start("echo no such file >&2; exit 3");
  await expect(running.waitFor("login:", { timeoutMs: 20_000 })).rejects.toThrow("QEMU ended with exit code 3: no such file");
  await expect(running.exited).resolves.toEqual({ exitCode: 3, messages: "no such file\n" });
});

test("what a guest wrote last is seen, though it ended before all was drawn", async () => {
  const running = start("head -c 2000000 /dev/zero | tr '\\0' x; echo; echo last words");
  await expect(running.waitFor("last words")).resolves.toContain("last words");
});

test("a QEMU that is not there is an error that names it, and its package", () => {
  process.env["PATH"] = directory;
  expect(() => startGuest(MACHINE)).toThrow(/no program qemu-system-x86_64\n.*qemu-system-x86/);
});

describe("when TCG breaks the guest before /init", () => {
  const BREAKS_TWICE = "test $runs -le 2 && { echo 'Oops: int3: 0000'; exec sleep 60; }; echo up; exec sleep 60";

  test("it is started again and counted, and the log keeps all of it", async () => {
    const running = start(BREAKS_TWICE);
    await running.waitFor("up");
    expect(running.restarts()).toBe(2);
    expect(running.terminal.text()).not.toContain("int3");
    expect(running.log().match(/int3/g)).toHaveLength(2);
  });

  test("but not without end", async () => {
    const running = start("echo 'Oops: int3: 0000'; exec sleep 1");
    await running.exited;
    expect(running.restarts()).toBe(4);
  });

  test("but not once /init has run", async () => {
    const running = start("echo 'Run /init as init process'; echo 'Oops: int3: 0000'; exec sleep 0.5");
    await running.exited;
    expect(running.restarts()).toBe(0);
  });

  test("but not when something was typed", async () => {
    const running = start("printf 'name? '; read name; echo 'Oops: int3: 0000'; exec sleep 0.5");
    await running.waitFor("name?");
    running.type("root\n");
    await running.exited;
    expect(running.restarts()).toBe(0);
  });

  test("but not with KVM, where these are the guest's own", async () => {
    const running = start("echo 'Oops: int3: 0000'; exec sleep 0.2", { accelerator: "kvm" });
    await running.exited;
    expect(running.restarts()).toBe(0);
  });
});

test("ending a guest ends its process, even one that ignores the request", async () => {
  const running = start("trap '' TERM; echo up; while :; do sleep 0.1; done");
  await running.waitFor("up");
  await running.end();
  await expect(running.exited).resolves.toMatchObject({ exitCode: null });
  guest = undefined;
});
