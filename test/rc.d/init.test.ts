import { type ChildProcess, spawn } from "node:child_process";
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { exec } from "../../src/host/exec.ts";
import { packageRoot } from "../../src/host/package-root.ts";
import { findProgram } from "../../tools/packages.js";

// rc.d/init as pid 1 of a namespace, on a tmpfs, with a pseudo-terminal for a console and shell scripts for programs.
const TOOLS = ["busybox", "unshare", "script"];
const missing = [...TOOLS.filter((tool) => findProgram(tool) === undefined), ...(process.getuid?.() === 0 ? [] : ["root"])];

const START = `
mount -t tmpfs tmpfs "$0"; cp -a "$1"/. "$0"; mkdir -p "$0/dev" "$0/proc" "$0/sys" "$0/run" "$0/tmp" "$0/new_root"
touch "$0/dev/console"; mount --bind "$(tty)" "$0/dev/console"; shift
exec chroot "$0" /init`;

/** What the image has beside busybox: busybox runs its own mount in place of any program, but a function goes first. */
const PRELUDE = `
mount() { case $* in *devtmpfs*) return 1 ;; *) /usr/bin/busybox mount "$@" ;; esac; }
reboot() { echo "REBOOT $*"; exit; }
poweroff() { echo "POWEROFF $*"; exit; }
`;

let image: string;
let guest: ChildProcess | undefined;
let screen: string;

beforeEach(() => {
  image = mkdtempSync(join(tmpdir(), "mkinitrd-init-"));
  screen = "";
  put("usr/lib/mkinitrd/boot.cjs", "");
  put("etc/mkinitrd/modules", "");
  mkdirSync(join(image, "usr/bin"), { recursive: true });
  copyFileSync(findProgram("busybox")!, join(image, "usr/bin/busybox"));
  for (const applet of ["sh", "env", "cat"]) symlinkSync("busybox", join(image, "usr/bin", applet));
  symlinkSync("usr/bin", join(image, "bin"));
  symlinkSync("usr/bin", join(image, "sbin"));
  put("usr/bin/dmsetup", "#!/bin/sh\necho \"DMSETUP $*\"\n");
});
afterEach(() => {
  guest?.kill("SIGKILL");
  rmSync(image, { recursive: true });
});

function put(path: string, text: string): void {
  mkdirSync(dirname(join(image, path)), { recursive: true });
  writeFileSync(join(image, path), text);
  chmodSync(join(image, path), 0o755);
}

/** V8's options stand in front of the words for the boot program. */
const WITHOUT_FLAGS = "while case $1 in --no-* | --single-*) ;; *) false ;; esac; do shift; done";

/** Starts rc.d/init with this script in place of Node; $2 is `boot` or `rescue`, $n how often it ran before. */
async function start(node: string, { environment = {}, prelude = PRELUDE }: { environment?: Record<string, string>; prelude?: string } = {}): Promise<void> {
  put("usr/bin/node", `#!/bin/sh\n${WITHOUT_FLAGS}\nn=$(cat /tmp/n 2>/dev/null || echo 0)\necho $((n + 1)) >/tmp/n\necho "NODE $n $2 $3"\n${node}\n`);
  const { stdout } = await exec("cat", [join(packageRoot(), "rc.d/init")]);
  put("init", stdout.replace("\nmount -t proc", `\n${prelude}\nmount -t proc`).replace(/^/, "#!/bin/sh\n"));
  const root = mkdtempSync(join(tmpdir(), "mkinitrd-root-"));
  const words = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", `'${START}'`, root, image];
  guest = spawn("script", ["-qefc", words.join(" "), "/dev/null"], { stdio: ["pipe", "pipe", "inherit"], env: { ...process.env, ...environment } });
  guest.stdout!.setEncoding("utf8").on("data", (text: string) => (screen += text));
  guest.once("exit", () => rmSync(root, { recursive: true, force: true }));
}

const seen = (text: string | RegExp) => expect.poll(() => screen, { timeout: 20_000, interval: 20 }).toMatch(text);

describe.skipIf(missing.length > 0)(`pid 1${missing.length > 0 ? ` (skipped, missing: ${missing.join(", ")})` : ""}`, { timeout: 30_000 }, () => {
  test("after a crash the mappings are closed, the last first, and the rescue program is told the status", async () => {
    await start('case $2 in boot) printf "pv0\\n-x\\n" >/run/mkinitrd/mappings; kill -9 $$ ;; *) sleep 60 ;; esac');
    await seen(/DMSETUP remove --retry -- -x\s+DMSETUP remove --retry -- pv0\s+NODE 1 rescue 137/);
  });

  test("an md array that was assembled is stopped in its turn, by what the kernel has for it", async () => {
    put("sys/block/md127/md/array_state", "active\n");
    await start('case $2 in boot) printf "/dev/md127\\npv0\\n" >/run/mkinitrd/mappings; kill -9 $$ ;; *) cat /sys/block/md127/md/array_state; echo LOOKED; sleep 60 ;; esac',
      { prelude: PRELUDE.replace("*devtmpfs*", "*devtmpfs* | *sysfs*") });
    await seen(/DMSETUP remove --retry -- pv0\s[^]*NODE 1 rescue 137\s+clear\s+LOOKED/);
  });

  test("what a failed attempt had made ready to hand over to is gone in the next", async () => {
    await start('case $n in 0) echo /sbin/init >/run/mkinitrd/next; exit 1 ;; 1) exit 75 ;; 2) exit 0 ;; *) echo "RESCUED $3"; sleep 60 ;; esac');
    await seen("RESCUED 0");
  });

  test("a real root that a failed attempt had mounted is not mounted any more in the next", async () => {
    await start('case $n in 0) mount -t tmpfs one /new_root; mount -t tmpfs two /new_root; exit 1 ;; *) grep -c new_root /proc/mounts; echo LOOKED; sleep 60 ;; esac');
    await seen(/NODE 1 rescue 1\s+0\s+LOOKED/);
  });

  test("a /run that can't be written any more does not end it", async () => {
    await start('case $n in 0) echo pv0 >/run/mkinitrd/mappings; mount -o remount,ro /run; exit 1 ;; *) echo ALIVE; sleep 60 ;; esac');
    await seen("ALIVE");
  });

  test("when Node does not run there is a menu without a shell, and nothing but its own letters does anything", async () => {
    await start("exit 127");
    await seen(/ended with 127[^]*power off: /);
    guest!.stdin!.write("sh\n\n");
    await seen(/power off: [^]*power off: [^]*power off: /);
    guest!.stdin!.write("r\n");
    await seen(/NODE 2 boot/);
    guest!.stdin!.write("p\n");
    await seen("POWEROFF -n -f");
  });

  test("Node starts from the snapshot, and without it once that may be to blame", async () => {
    put("usr/lib/mkinitrd/boot.blob", "");
    await start('echo "ARGS $*"; case $1 in --snapshot-blob) exit 14 ;; *) sleep 60 ;; esac');
    await seen(/ARGS --snapshot-blob \/usr\/lib\/mkinitrd\/boot.blob \/usr\/lib\/mkinitrd\/boot.cjs boot\s/);
    await seen(/ARGS \/usr\/lib\/mkinitrd\/boot.cjs rescue 14\s/);
  });

  test("words of the command line reach nobody's environment, whatever else it says", async () => {
    await start("env; echo END; sleep 60", { environment: { NODE_OPTIONS: "--none", MARK: "yes" } });
    await seen("END");
    expect(screen).not.toMatch(/NODE_OPTIONS|MARK/);
  });

  test("nobody dumps the boot program's memory, and the limit stays with it", async () => {
    await start('grep core /proc/self/limits; grep core /proc/1/limits; echo END; sleep 60');
    await seen(/core file size +0 +0 [^]*core file size +\S+ +[1-9u]\S* [^]*END/);
  });

  test("modules are loaded again for each attempt: those who loaded them may have been killed", async () => {
    put("etc/mkinitrd/modules", "dm_crypt\n");
    await start('case $2 in boot) sleep 1; exit 1 ;; *) [ $n -lt 3 ] && exit 75; sleep 60 ;; esac', { prelude: `${PRELUDE}\nxargs() { cat >/dev/null; echo "LOADED $*" >/dev/console; }` });
    await seen(/NODE 1 rescue[^]*LOADED modprobe -aq/);
  });
});
