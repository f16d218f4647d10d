import { spawnSync } from "node:child_process";
import { closeSync, fstatSync, openSync, readdirSync, readFileSync, readSync } from "node:fs";
import { tmpdir } from "node:os";
import { expect, test } from "vitest";
import { createSecretInput } from "../../src/boot/secret-input.ts";

test("a program reads it from the start to the end, as often as it is given to one", () => {
  const input = createSecretInput(Buffer.from([0, 255, 10, 13]));
  try {
    const { stdout } = spawnSync("od", ["-An", "-tu1"], { stdio: [input.descriptor, "pipe", "inherit"] });
    expect(stdout.toString().trim().split(/\s+/)).toEqual(["0", "255", "10", "13"]);
  } finally {
    input.wipe();
  }
});

test("nobody else finds it: it has no name, and only its owner might read it", () => {
  const before = directories();
  const input = createSecretInput(Buffer.from("secret"));
  try {
    expect(fstatSync(input.descriptor)).toMatchObject({ nlink: 0, size: 6 });
    expect(fstatSync(input.descriptor).mode & 0o777).toBe(0o600);
    expect(directories()).toEqual(before);
  } finally {
    input.wipe();
  }
});

test("wiped, its pages hold zeroes for whoever has it still open", () => {
  const input = createSecretInput(Buffer.from("secret"));
  const other = openSync(`/proc/self/fd/${input.descriptor}`, "r");
  try {
    expect(readFileSync(other, "latin1")).toBe("secret");
    input.wipe();
    const bytes = Buffer.alloc(6, 1);
    expect(readSync(other, bytes, 0, 6, 0)).toBe(6);
    expect(bytes).toEqual(Buffer.alloc(6));
  } finally {
    closeSync(other);
  }
});

function directories(): string[] {
  return readdirSync(tmpdir()).filter((name) => name.startsWith("input-"));
}
