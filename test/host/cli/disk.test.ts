import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { planTargets } from "../../../src/host/cli/disk.ts";

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
