import { spawn, spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { install } from "../../tools/apt.js";
import { withLock } from "../../tools/lock.js";
import { missing } from "../../tools/packages.js";
import { repository } from "../../tools/paths.js";

const NEED = { program: "mkfs.dreams", package: "dreams-tools", purpose: "makes dreams" };
let folder = "";

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "mkinitrd-setup-"));
  for (const name of ["sh", "touch", "chmod", "env"]) symlinkSync(`/bin/${name}`, join(folder, name));
  vi.stubEnv("PATH", folder);
  vi.spyOn(process.stderr, "write").mockImplementation(() => true);
});

afterEach(() => {
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
  rmSync(folder, { recursive: true });
});

/** A program that writes its arguments to the log, then runs the lines. */
function fake(name: string, lines = ""): void {
  writeFileSync(join(folder, name), `#!/bin/sh\necho "${name} $*" >> ${folder}/log\n${lines}\n`);
  chmodSync(join(folder, name), 0o755);
}
const log = () => readFileSync(join(folder, "log"), "utf8").trim().split("\n");
const as = (uid: number) => vi.spyOn(process as Required<typeof process>, "getuid").mockReturnValue(uid);
const bringsIt = () => `case "$*" in *install*) touch ${folder}/mkfs.dreams; chmod +x ${folder}/mkfs.dreams;; esac`;

test("a missing program's package is installed, after the lists were read", async () => {
  as(0);
  fake("apt-get", bringsIt());
  expect(missing([NEED])).toEqual([NEED]);
  await install([NEED]);
  expect(log()[0]).toBe("apt-get update -qq");
  expect(log()[1]).toMatch(/^apt-get install -y .*--no-install-recommends .*dreams-tools$/);
  expect(missing([NEED])).toEqual([]);
});

test("an ordinary user installs through sudo", async () => {
  as(1000);
  fake("apt-get", bringsIt());
  fake("sudo", 'exec "$@"');
  await install([NEED]);
  expect(log()[0]).toBe("sudo env DEBIAN_FRONTEND=noninteractive apt-get update -qq");
});

test("without root and sudo the message says what root is to run", async () => {
  as(1000);
  fake("apt-get");
  await expect(install([NEED])).rejects.toThrow(/not root and there is no sudo. As root: apt-get/);
});

test("elsewhere than on Debian the message lists each program", async () => {
  await expect(install([NEED])).rejects.toThrow(/not Debian[\s\S]*mkfs\.dreams +makes dreams \(Debian: dreams-tools\)/);
});

test("what apt-get says is in the error", async () => {
  as(0);
  fake("apt-get", 'case "$*" in *install*) echo "E: Unable to locate package" >&2; exit 100;; esac');
  await expect(install([NEED])).rejects.toThrow(/ended with 100\n {2}E: Unable to locate package/);
});

test("a package that does not bring its program is an error", async () => {
  as(0);
  fake("apt-get");
  await expect(install([NEED])).rejects.toThrow(/after the installation of dreams-tools these are missing: mkfs.dreams/);
});

test("two who want the same lock work one after the other, and one that was killed holds it no longer", async () => {
  vi.unstubAllEnvs();
  const file = join(folder, "lock");
  const code = `import { withLock } from ${JSON.stringify(join(repository, "tools/lock.js"))};
    await withLock(${JSON.stringify(file)}, async () => { console.log("locked"); await new Promise((r) => setTimeout(r, 60000)); });`;
  const other = spawn(process.execPath, ["--input-type=module", "-e", code], { stdio: ["ignore", "pipe", "inherit"] });
  await new Promise((resolve) => other.stdout.once("data", resolve));
  let done = false;
  const ours = withLock(file, async () => (done = true));
  await sleep(200);
  expect(done).toBe(false);
  other.kill("SIGKILL");
  expect(await ours).toBe(true);
}, 20_000);

test.each([
  { words: [], status: 2, says: /usage: node tools\/run.js mkinitrd\|demo\|test/ },
  { words: ["constructor"], status: 2, says: /usage/ },
])("`run.js $words` ends with $status", ({ words, status, says }) => {
  vi.unstubAllEnvs();
  const result = spawnSync(process.execPath, [join(repository, "tools/run.js"), ...words], { encoding: "utf8" });
  expect(result.stderr).toMatch(says);
  expect(result.status).toBe(status);
});

test("exit codes of the command pass through, and nothing is said when all is there", () => {
  vi.unstubAllEnvs();
  const result = spawnSync(process.execPath, [join(repository, "tools/run.js"), "mkinitrd", "--no-such-option"], { encoding: "utf8" });
  expect(result.stderr).toMatch(/^error: unknown option '--no-such-option'\n$/);
  expect(result.status).toBe(2);
  expect(existsSync(join(repository, "dist/host/mkinitrd.js"))).toBe(true);
}, 60_000);
