import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { diskCommand, planTargets } from "../../../src/host/cli/disk.ts";
import { run } from "../../../src/host/cli/program.ts";

let directory: string;
beforeEach(() => { directory = mkdtempSync(join(tmpdir(), "targets-")); });
afterEach(() => rmSync(directory, { recursive: true }));

describe("where disks are written", () => {
  test("one disk to the file that is named", () => {
    expect(planTargets([{ name: "lvm", disks: 1 }], join(directory, "a.img"))).toEqual([[join(directory, "a.img")]]);
  });

  test("further disks beside it, numbered", () => {
    expect(planTargets([{ name: "striped", disks: 3 }], join(directory, "a.img"))).toEqual([["a.img", "a-2.img", "a-3.img"].map((name) => join(directory, name))]);
  });

  test("into a directory by the recipe's name", () => {
    expect(planTargets([{ name: "lvm", disks: 1 }, { name: "striped", disks: 2 }], directory)).toEqual([
      [join(directory, "lvm.img")], [join(directory, "striped.img"), join(directory, "striped-2.img")],
    ]);
  });

  test("a slash at the end means a directory that is yet to be made", () => {
    expect(planTargets([{ name: "lvm", disks: 1 }], `${directory}/new/`)).toEqual([[join(directory, "new/lvm.img")]]);
  });

  test("several recipes into one file are refused", () => {
    expect(() => planTargets([{ name: "a", disks: 1 }, { name: "b", disks: 1 }], join(directory, "a.img"))).toThrow(/one file for 2 recipes\n {2}next: name a directory/);
  });

  test("two recipes of one name are refused", () => {
    expect(() => planTargets([{ name: "a", disks: 1 }, { name: "a", disks: 1 }], directory)).toThrow(/two recipes have this name/);
  });
});

test("a disk is not written over a pipe", async () => {
  const printed: string[] = [];
  vi.spyOn(console, "error").mockImplementation((text: unknown) => void printed.push(String(text)));
  execFileSync("mkfifo", [join(directory, "pipe")]);
  await run(["disk", join(import.meta.dirname, "../../../images/lvm-in-luks.yaml"), "-o", join(directory, "pipe")], { disk: async () => diskCommand() });
  const { exitCode } = process;
  vi.restoreAllMocks();
  process.exitCode = undefined;
  expect([exitCode, printed.join("\n")]).toEqual([1, expect.stringMatching(/writing the disk on .*pipe: it is no regular file/)]);
});

test("a disk is not written over its recipe", async () => {
  const printed: string[] = [];
  vi.spyOn(console, "error").mockImplementation((text: unknown) => void printed.push(String(text)));
  const recipe = join(directory, "one.yaml");
  writeFileSync(recipe, readFileSync(join(import.meta.dirname, "../../../images/lvm-in-luks.yaml")));
  await run(["disk", recipe, "-o", recipe], { disk: async () => diskCommand() });
  const { exitCode } = process;
  vi.restoreAllMocks();
  process.exitCode = undefined;
  expect([exitCode, printed.join("\n")]).toEqual([1, expect.stringMatching(/writing the disk on .*one\.yaml: what goes there is made from this file/)]);
  expect(readFileSync(recipe, "utf8")).toMatch(/^about:/);
});

test("a recipe's realroot that no boot would take is an error, before a disk is made", async () => {
  const printed: string[] = [];
  vi.spyOn(console, "error").mockImplementation((text: unknown) => void printed.push(String(text)));
  const recipe = join(directory, "one.yaml");
  writeFileSync(recipe, "disks: [{ size: 64M, table: none }]\nrealroot: crpt:ext4:/dev/vda1\n");
  await run(["disk", recipe, "-o", directory], { disk: async () => diskCommand() });
  const { exitCode } = process;
  vi.restoreAllMocks();
  process.exitCode = undefined;
  expect([exitCode, printed.join("\n")]).toEqual([1, expect.stringMatching(/reading .*one\.yaml on line 2, column 11: realroot has .*crpt.*\n.*did you mean crypt/)]);
});
