import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { archiveTree, debianKey } from "../../../src/host/qemu/debian-root.ts";

let directory: string;
beforeEach(() => { directory = mkdtempSync(join(tmpdir(), "debian-root-")); });
afterEach(() => rmSync(directory, { recursive: true }));

function write(path: string, text: string): void {
  mkdirSync(dirname(join(directory, path)), { recursive: true });
  writeFileSync(join(directory, path), text);
}

test("the recipe's files stand in place of the packages', modules come with their links as they are, and nothing of the build machine", async () => {
  for (const path of ["etc/fstab", "etc/passwd", "etc/resolv.conf", "dev/null", "usr/share/doc/dpkg/copyright", "usr/lib/modules/none"]) write(`tree/${path}`, "base");
  write("modules/6.12/modules.dep", "dep");
  symlinkSync("modules.dep", join(directory, "modules/6.12/link"));
  const archive = join(directory, "root.tar");
  const files = [{ path: "/etc/fstab", text: "mine\n", mode: 0o644 }, { path: "/etc/keys/srv.key", text: "key", mode: 0o600 }];
  await archiveTree(join(directory, "tree"), files, [{ release: "6.12", image: "", modulesDirectory: join(directory, "modules") }], archive);
  const lines = execFileSync("tar", ["-tvf", archive, "--numeric-owner"], { encoding: "utf8" }).split("\n").filter((line) => /^[-l]/.test(line)).map((line) => line.split(/\s+/));
  expect(lines.map((words) => words.slice(5).join(" ")).sort()).toEqual([
    "./etc/fstab", "./etc/keys/srv.key", "./etc/passwd", "./usr/lib/modules/6.12/link -> modules.dep", "./usr/lib/modules/6.12/modules.dep", "./usr/lib/modules/none",
  ]);
  expect(lines.find((words) => words.includes("./etc/keys/srv.key"))?.slice(0, 2)).toEqual(["-rw-------", "0/0"]);
  expect(execFileSync("tar", ["-xOf", archive, "./etc/fstab"], { encoding: "utf8" })).toBe("mine\n");
});

test("two Debian roots that differ in one file are two", () => {
  const key = (text: string) => debianKey({ kind: "debian", suite: "bookworm", files: [{ path: "/etc/fstab", text, mode: 0o644 }] });
  expect(key("a")).not.toBe(key("b"));
  expect(key("a")).toBe(key("a"));
});
