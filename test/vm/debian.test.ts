import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { bootstrapLacks } from "../../src/host/qemu/debootstrap.ts";
import { rootsOf } from "../../src/host/qemu/disk-builder.ts";
import type { Recipe } from "../../src/host/qemu/recipe.ts";
import { findVmKernel, vmKernels } from "../../src/host/qemu/vm-kernel.ts";
import { type BootedGuest, type BootOptions, bootRecipe, describeVm, vmImage } from "./boot-helper.ts";
import { copies } from "./disk-copies.ts";
import { vmDisk } from "./disks.ts";

const TIMEOUT_MS = 600_000;
const DISK_MS = 300_000;
const WAIT = { timeoutMs: 240_000 };
const ROOT_UUID = "2f1c7c5e-7e9e-4d6d-8f3e-0d9b1d0a6c25"; // this and the next as in images/debian.yaml
const LUKS_UUID = "7a4d6f1e-1a55-4f0e-9a6c-2b1f6d3c8e24";
/** The kernel command line of Debian's boot loader: what the root lies on, only crypttab says. */
const WORDS = "root=/dev/mapper/debian--vg-root ro quiet";

const lacks = bootstrapLacks();
if (lacks !== undefined) describe.skip(`a Debian on LVM in LUKS (skipped, this machine lacks ${lacks})`, () => test("", () => {}));
else describeVm("a Debian on LVM in LUKS", () => {
  beforeAll(async () => void (await vmDisk("debian")));

  test("reaches its login prompt with nothing failed, its udev knows what we opened, and it starts again with Debian stable's kernel", async () => {
    const first = await logIn("debian", { disks: copies, keepWrites: true });
    await expectWhole(first);
    await expectKnownToUdev(first);
    expect(await run(first, "apt-get check -qq")).toBe("");
    await expectMounted(first);
    await expectCleanEnd(first, "reboot", "guest-reset");

    const kernel = stableKernel();
    const image = await vmImage({ kernel: kernel.release, modulesDirectory: kernel.modulesDirectory, crypttab: crypttabOf((await vmDisk("debian")).recipe) });
    const second = await logIn("debian", { kernel, image, realroot: "", append: WORDS, disks: () => first.machine.disks.map(({ file }) => file), keepWrites: true });
    await expectWhole(second);
    // crypttab's other volume is left to the system, which has the key
    expect(await run(second, "grep -o 'opened .*' /run/mkinitrd/log")).toBe("opened /dev/vda4 as /dev/mapper/vda4_crypt\n");
    expect(await run(second, "uname -r; journalctl -b -k | grep -c 'recovery complete'; journalctl --list-boots | grep -cE '^ *-?[01] '")).toBe(`${kernel.release}\n0\n2\n`);
    await expectCleanEnd(second, "poweroff", "guest-shutdown");
  }, TIMEOUT_MS);

  test.runIf(process.env["MKINITRD_TEST_ALL"])("of release 13 does so too", async () => {
    const guest = await logIn("debian-13", { kernel: stableKernel() });
    await expectWhole(guest);
    await expectKnownToUdev(guest);
    await expectMounted(guest);
    await expectCleanEnd(guest, "poweroff", "guest-shutdown");
  }, TIMEOUT_MS + DISK_MS);
});

/** That of Debian stable, or the machine's own where set-up could not download it. */
const stableKernel = () => findVmKernel(existsSync(vmKernels.stable()) ? vmKernels.stable() : undefined);

/** Boots a Debian, types its one passphrase and logs in as root. */
async function logIn(recipe: string, options: BootOptions = {}): Promise<BootedGuest> {
  const guest = await bootRecipe(recipe, { answers: {}, ...options });
  await guest.waitFor("Passphrase for", WAIT);
  guest.type("correct horse\r");
  await guest.waitFor(/^(bookworm|trixie) login:/m, WAIT);
  guest.type("root\r");
  await guest.waitFor(/# *$/, WAIT);
  await run(guest, "export SYSTEMD_PAGER=cat SYSTEMD_COLORS=0");
  return guest;
}

/** Types a command into the shell and gives what it printed. */
async function run(guest: BootedGuest, command: string): Promise<string> {
  guest.type(`echo "<$((1))"; ${command}; echo "<$((2))>"\r`);
  const text = await guest.waitFor(/<1\n[^]*<2>\n.*# *$/, WAIT);
  return /<1\n([^]*)<2>\n/.exec(text)?.[1] ?? text;
}

/** Nothing failed, nothing was waited for in vain, and what was open was neither opened nor asked for again. */
async function expectWhole(guest: BootedGuest): Promise<void> {
  expect(await run(guest, "systemctl is-system-running --wait")).toBe("running\n");
  expect(await run(guest, "systemctl --failed --no-legend")).toBe("");
  expect(await run(guest, "journalctl -b | grep -E 'Timed out waiting for device|onflicting device node|[Dd]ependency failed'")).toBe("");
  expect(await run(guest, "journalctl -b -o cat -u systemd-cryptsetup@vda4_crypt | grep -v systemd")).toContain("Volume vda4_crypt already active.");
  expect(guest.log()).not.toMatch(/correct horse|Please enter passphrase/);
}

/** The real udev has taken over the entries of what was opened before it, and added to them; a second look at every device changes nothing. */
async function expectKnownToUdev(guest: BootedGuest): Promise<void> {
  await run(guest, "udevadm trigger --settle");
  const root = await run(guest, "udevadm info -q property /dev/mapper/debian--vg-root");
  expect(root).toMatch(/^DM_UUID=LVM-\w{64}$/m);
  for (const line of ["DM_NAME=debian--vg-root", "DM_VG_NAME=debian-vg", "DM_LV_NAME=root", "ID_FS_TYPE=ext4", `ID_FS_UUID=${ROOT_UUID}`]) expect(root).toContain(`${line}\n`);
  const pv = await run(guest, "udevadm info -q property /dev/mapper/vda4_crypt");
  for (const line of ["DM_NAME=vda4_crypt", `DM_UUID=CRYPT-LUKS2-${LUKS_UUID.replaceAll("-", "")}-vda4_crypt`, "ID_FS_TYPE=LVM2_member"]) expect(pv).toContain(`${line}\n`);
  expect(root + pv).not.toContain("SYSTEMD_READY=0");
  for (const link of ["/dev/debian-vg/root", "/dev/mapper/debian--vg-root", `/dev/disk/by-uuid/${ROOT_UUID}`]) {
    expect(root).toMatch(new RegExp(`^DEVLINKS=(.* )?${link}( |$)`, "m"));
    expect(await run(guest, `test -L ${link} && readlink -f ${link}`)).toBe(`/dev/${/^DEVNAME=\/dev\/(dm-\d+)$/m.exec(root)?.[1]}\n`);
  }
}

/** What the initrd left to the system, it has opened and mounted itself. */
async function expectMounted(guest: BootedGuest): Promise<void> {
  expect(await run(guest, "for point in / /home /srv /boot /boot/efi; do findmnt -rno TARGET,SOURCE $point; done")).toBe(
    "/ /dev/mapper/debian--vg-root\n/home /dev/mapper/debian--vg-home\n/srv /dev/mapper/srv_crypt\n/boot /dev/vda2\n/boot/efi /dev/vda1\n");
  expect(await run(guest, "findmnt -rno OPTIONS / | cut -c1-3; swapon --noheadings --show=TYPE")).toBe("rw,\npartition\n");
}

/** Only what the root lies on is open still when the machine ends, as with any initrd that is gone by then. */
async function expectCleanEnd(guest: BootedGuest, command: string, reason: string): Promise<void> {
  const opened = (await run(guest, "readlink -f /dev/mapper/vda4_crypt")).trim();
  await run(guest, "dmesg -n 7");
  guest.type(`${command}\r`);
  await expect(guest.exited).resolves.toMatchObject({ reason });
  const said = guest.log();
  expect(said).toContain("All filesystems unmounted.");
  expect(new Set([...said.matchAll(/Could not detach DM (\S+):/g)].map(([, device]) => device))).toEqual(new Set([opened]));
  expect(said).not.toMatch(/Failed (unmounting|deactivating)|\[FAILED\]/);
}

/** The crypttab that the recipe's root has, in a file of its own. */
function crypttabOf(recipe: Recipe): string {
  const [text = ""] = rootsOf(recipe).flatMap((root) => (root.kind === "debian" ? root.files.filter(({ path }) => path === "/etc/crypttab").map(({ text }) => text) : []));
  const file = join(temporaryDirectory(), "crypttab");
  writeFileSync(file, text);
  return file;
}

function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), "mkinitrd-debian-"));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}
