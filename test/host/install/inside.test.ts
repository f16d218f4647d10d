import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { DEFAULT_IMAGE, installHooks, removeHooks } from "../../../src/host/install/install.ts";

const SETTINGS = { node: "/node", program: "/mkinitrd.js", config: "/etc/mkinitrd.config.yaml", image: DEFAULT_IMAGE, test: false, uki: false };
let directory: string;
let root: string;
/** What would be another system's: nothing may change in it. */
let canary: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "mkinitrd-inside-"));
  [root, canary] = [join(directory, "root"), join(directory, "canary")];
  mkdirSync(join(root, "etc"), { recursive: true });
  mkdirSync(join(canary, "postinst.d"), { recursive: true });
});
afterEach(() => rmSync(directory, { recursive: true }));

const filesIn = (path: string) => readdirSync(path, { recursive: true, encoding: "utf8" }).sort();

test.each(["absolute", "relative"])("an %s link that leads within the system is followed there, as it will be when that system runs", (kind) => {
  mkdirSync(join(root, "srv/kernel/postinst.d"), { recursive: true });
  symlinkSync(kind === "absolute" ? "/srv/kernel" : "../../../../../../../../srv/kernel", join(root, "etc/kernel"));
  expect(installHooks(root, SETTINGS).files).toContain(join(root, "etc/kernel/postinst.d/mkinitrd"));
  expect(readFileSync(join(root, "srv/kernel/postinst.d/mkinitrd"), "utf8")).toContain("/mkinitrd.js");
  expect(removeHooks(root)).toHaveLength(2);
  expect(filesIn(join(root, "srv"))).toEqual(["kernel", "kernel/postinst.d", "kernel/postrm.d"]);
});

test("a directory that is a link out of the system is refused, and nothing is written behind it", () => {
  writeFileSync(join(root, "etc/debian_version"), "12.5\n");
  symlinkSync(canary, join(root, "etc/kernel"));
  expect(() => installHooks(root, SETTINGS)).toThrow(`following a link on ${root}/etc/kernel: it leads nowhere in ${root}`);
  expect(filesIn(canary)).toEqual(["postinst.d"]);
});

test.each(["mkinitrd", "sub"])("a hook of ours behind a link out of the system (%s) is neither overwritten nor removed", (name) => {
  mkdirSync(join(root, "etc/kernel/postinst.d"), { recursive: true });
  installHooks(root, SETTINGS);
  const hook = join(root, "etc/kernel/postinst.d/mkinitrd");
  const text = readFileSync(hook, "utf8");
  rmSync(hook);
  writeFileSync(join(canary, name), text);
  symlinkSync(join(canary, name), hook);
  expect(() => installHooks(root, { ...SETTINGS, program: "/other.js" })).toThrow("leads nowhere in");
  removeHooks(root);
  expect(readFileSync(join(canary, name), "utf8")).toBe(text);
});
