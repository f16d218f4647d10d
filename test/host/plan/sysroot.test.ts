import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { foundEntries } from "../../../src/host/plan/paths.ts";
import { modulesBelow, openSysroot } from "../../../src/host/plan/sysroot.ts";

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "sysroot-"));
  mkdirSync(join(root, "usr/bin"), { recursive: true });
  mkdirSync(join(root, "etc/alternatives"), { recursive: true });
  writeFileSync(join(root, "usr/bin/vim"), "", { mode: 0o4755 });
  symlinkSync("usr/bin", join(root, "bin"));
  symlinkSync("/etc/alternatives/vi", join(root, "usr/bin/vi"));
  symlinkSync("/usr/bin/vim", join(root, "etc/alternatives/vi"));
  symlinkSync("self", join(root, "self"));
  symlinkSync("../../../../etc", join(root, "usr/out"));
});
afterEach(() => rmSync(root, { recursive: true }));

test("absolute links lead inside the sysroot, and all links on the way are kept", () => {
  const found = openSysroot(root).find("/bin/vi");
  expect(found).toMatchObject({ path: "/usr/bin/vim", file: join(root, "usr/bin/vim") });
  expect(found?.links.map(({ path }) => path)).toEqual(["/bin", "/usr/bin/vi", "/etc/alternatives/vi"]);
});

test("a link cannot lead out of the sysroot", () => {
  expect(openSysroot(root).find("/usr/out/alternatives")?.path).toBe("/etc/alternatives");
});

test("what is missing is undefined, a loop is an error", () => {
  expect(openSysroot(root).find("/usr/bin/emacs")).toBeUndefined();
  expect(openSysroot(root).find("/usr/bin/vim/x")).toBeUndefined();
  expect(() => openSysroot(root).find("/self")).toThrow(/more than 40 symbolic links/);
});

test("entries leave out the links that every image has, and set-user-ID bits", () => {
  const entries = foundEntries(openSysroot(root).find("/bin/vi")!, "test");
  expect(entries.map(({ path, type, mode }) => [path, type, mode.toString(8)])).toEqual([
    ["usr/bin/vi", "link", "777"], ["etc/alternatives/vi", "link", "777"], ["usr/bin/vim", "file", "755"],
  ]);
});

test("where packages were only unpacked, bin and lib lead below usr as they will in the image", () => {
  mkdirSync(join(root, "usr/lib/modules/6.1"), { recursive: true });
  writeFileSync(join(root, "usr/lib/ld.so"), "");
  const found = openSysroot(root).find("/lib/ld.so")!;
  expect(found).toMatchObject({ path: "/usr/lib/ld.so", links: [{ path: "/lib", target: "usr/lib" }] });
  expect(foundEntries(found, "test").map(({ path }) => path)).toEqual(["usr/lib/ld.so"]);
  expect(openSysroot(root).find("/lib64/ld.so")).toBeUndefined();
  expect(modulesBelow(root)).toBe(join(root, "usr/lib/modules"));
  symlinkSync("usr/lib", join(root, "lib"));
  expect(modulesBelow(root)).toBe(join(root, "lib/modules"));
});
