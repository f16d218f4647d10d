import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { ARCHITECTURES, ownArchitecture } from "../../../src/host/architecture.ts";
import { openFileMemo } from "../../../src/host/file-memo.ts";
import { execLaunched, launcherFor } from "../../../src/host/layers/launch.ts";
import { fetchedRuntime, prepareRuntime } from "../../../src/host/layers/prepare-runtime.ts";
import { openSysroot } from "../../../src/host/plan/sysroot.ts";
import type { Entry } from "../../../src/host/plan/types.ts";
import { elfHead } from "../elf-head.ts";

const other = ownArchitecture().name === "x86_64" ? ARCHITECTURES.aarch64 : ARCHITECTURES.x86_64;
const cache = process.env["MKINITRD_CACHE"];

let directory: string;
beforeEach(() => { directory = mkdtempSync(join(tmpdir(), "launch-")); });
afterEach(() => {
  if (cache === undefined) delete process.env["MKINITRD_CACHE"];
  else process.env["MKINITRD_CACHE"] = cache;
  rmSync(directory, { recursive: true });
});

test("a program of this machine's architecture is run as it is", async () => {
  const { stdout } = await launcherFor(ownArchitecture(), [])((words) => execLaunched(words, "echo", ["a b"], {}));
  expect(stdout).toBe("a b");
});

test("one of another is run by an emulator, in a tree that holds its libraries as the image will", async () => {
  writeFileSync(join(directory, "libc.so"), "a library");
  writeFileSync(join(directory, `qemu-${other.name}`), '#!/bin/sh\n[ "$1" = -L ] && cat "$2/lib/libc.so.6" && shift 2 && echo " for $*"\n', { mode: 0o755 });
  const entries: Entry[] = [
    { path: "usr/lib", mode: 0o755, reason: "", type: "directory" },
    { path: "lib", mode: 0o777, reason: "", type: "link", target: "usr/lib" },
    { path: "usr/lib/libc.so.6", mode: 0o755, reason: "", type: "file", from: { file: join(directory, "libc.so") } },
  ];
  const launch = launcherFor(other, entries, `/none:${directory}`);
  const { stdout } = await launch((words) => execLaunched(words, "/usr/bin/node", ["-p", "1"], {}));
  expect(stdout).toBe("a library for /usr/bin/node -p 1");
});

test("without an emulator the error names Debian's package", () => {
  expect(() => launcherFor(other, [], "/none")(async () => {})).toThrow(new RegExp(`running a program for ${other.name} on this machine: no program qemu-${other.name} or .*\n  next: .*apt-get install qemu-user`));
});

function prepare(runtime?: string) {
  return prepareRuntime({ architecture: other, sysroot: openSysroot(directory), runtime, program: "/none", memo: openFileMemo(join(directory, "memo.json")) });
}

test("Node for another architecture is looked for where set-up puts it, of the version that runs here", async () => {
  process.env["MKINITRD_CACHE"] = directory;
  const file = join(directory, `runtimes/node-${process.versions.node}-linux-${other.node}/node`);
  expect(fetchedRuntime(other)).toBe(file);
  await expect(prepare()).rejects.toThrow(`finding Node for ${other.name} on ${file}: no such file\n  next: npm run runtime -- ${other.node} downloads it, or name one of your own: runtime: FILE`);
  const { scripts } = JSON.parse(readFileSync("package.json", "utf8")) as { scripts: Record<string, string> };
  expect(scripts["runtime"]).toBe("node tools/runtime.js");
});

test.each([
  { what: "is not there", bytes: undefined, found: /finding Node for \w+ on .*node: no such file\n  next: correct runtime:/ },
  { what: "is another Node", bytes: Buffer.concat([elfHead(other.elfMachine), Buffer.from("\0https://x/node-v/node-v20.1.2.tar.gz\0")]), found: /it is Node 20\.1\.2\n  next: name a Node 26, which the boot program is made for/ },
  { what: "is for the build machine", bytes: elfHead(ownArchitecture().elfMachine), found: /it is a program for \w+, and those of the sysroot are for \w+\n  next: .*runtime: FILE/ },
])("a runtime of one's own that $what is refused", async ({ bytes, found }) => {
  if (bytes !== undefined) writeFileSync(join(directory, "node"), bytes, { mode: 0o755 });
  await expect(prepare(join(directory, "node"))).rejects.toThrow(found);
});
