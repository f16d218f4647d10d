import { randomBytes } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { modelessFilesystem } from "../../src/host/audit/filesystem.ts";
import { exec } from "../../src/host/exec.ts";
import { bootRecipe, describeVm, vmImage } from "./boot-helper.ts";
import { vmDisk } from "./disks.ts";
import { searchMemory } from "./memory/copies.ts";
import { type Careless, carelessSecret, FILESYSTEM, HELD, holdScript } from "./memory/hold.ts";
import { openVga } from "./vga.ts";

const MEMORY_MIB = 384;
const MIB = 1024 * 1024;
/** Where a partition of the recipe's disk begins. */
const PARTITION_BYTES = MIB;
/** The addresses of the kernel's parts are the documented ones then; four levels of page tables. */
const KNOWN_ADDRESSES = "nokaslr no5lvl";
/** The line buffer of the kernel's terminal, struct n_tty_data of drivers/tty/n_tty.c: 4096 bytes typed, 4096 echoed and some more. */
const TTY = "vmalloc: a run of 3 pages";
const NODE = "process: /usr/bin/node";
const FILE = "file: in the page cache";

const random = () => randomBytes(30).toString("base64url");

describeVm("the memory of a machine whose root was unlocked by a passphrase", () => {
  test.each([
    { words: "init_on_free=1", what: "nothing is left after the pivot, of what careless programs leave neither" },
    { words: "", what: "nothing is left but on free pages, without a word on the command line" },
  ])("$words: in no process after the unlocking; $what", async ({ words }) => {
    const directory = temporaryDirectory();
    const [right, wrong, seed] = [random(), random(), random()];
    const disk = await diskWithPassphrase(right, directory);
    const trigger = join(directory, "trigger.img");
    writeFileSync(trigger, Buffer.alloc(4 * MIB));
    await exec("mkfs.vfat", [trigger]);
    const script = join(directory, "hold.ts");
    writeFileSync(script, holdScript(seed));
    const image = await vmImage({ scripts: [script] });
    const guest = await bootRecipe("crypt-luks2", {
      image, answers: {}, memoryMiB: MEMORY_MIB, realroot: "crypt:ext4:/dev/vda:cryptroot", disks: () => [disk, trigger], hotplug: [1],
      append: `${KNOWN_ADDRESSES} realroot.shell ${words}`,
    });
    const search = () => searchMemory(guest, MEMORY_MIB, join(directory, "memory"));
    const careless = (name: Careless) => carelessSecret(name, seed);

    await guest.waitFor("Passphrase for");
    guest.type(`${wrong}\r`);
    await guest.waitFor("Attempt 2");
    guest.type(right);
    await guest.waitFor(/\*{38}/);
    const typed = await search();
    expect(typed(right)).toEqual({ [NODE]: 1, [TTY]: 1 });
    expect(typed(wrong)).toEqual({ [TTY]: 1 });

    guest.type("\r");
    await expect(guest.waitFor(HELD)).resolves.toMatch(/Max core file size +0 +0/);
    const opened = await search();
    for (const secret of [right, wrong]) expect(opened(secret)).toEqual({ [TTY]: 1 });
    expect(opened(careless("kept"))).toMatchObject({ [NODE]: expect.any(Number) });
    expect(opened(careless("file"))).toMatchObject({ [FILE]: 1 });

    await guest.hotplug(guest.machine.disks[1]!);
    const [, type = "", mode] = new RegExp(`${FILESYSTEM} (\\d+) (\\d+)`).exec(await guest.waitFor(/REALROOT-SETTLED[^]*# *$/)) ?? [];
    expect([modelessFilesystem(Number(type)), mode]).toEqual(["vfat", "755"]);
    const pivoted = await search();
    if (words === "") {
      for (const secret of [right, wrong]) expect(Object.keys(pivoted(secret)).filter((owner) => !owner.startsWith("free"))).toEqual([]);
      expect(Object.keys(pivoted(careless("dropped")))).toContainEqual(expect.stringMatching(/^free: /));
    } else {
      for (const secret of [right, wrong, ...(["kept", "file", "dropped"] as const).map(careless)]) expect(pivoted(secret)).toEqual({});
    }
    expect(guest.log()).not.toMatch(new RegExp(`${right}|${wrong}`));
  });

  test.runIf(process.env["MKINITRD_TEST_ALL"])("typed key by key at the VGA console it leaves as little", async () => {
    const directory = temporaryDirectory();
    const passphrase = random();
    const disk = await diskWithPassphrase(passphrase, directory);
    const guest = await bootRecipe("crypt-luks2", {
      answers: {}, vga: true, memoryMiB: MEMORY_MIB, realroot: "crypt:ext4:/dev/vda:cryptroot", disks: () => [disk],
      append: `${KNOWN_ADDRESSES} console=tty0 realroot.shell init_on_free=1`,
    });
    const vga = openVga(guest);
    await vga.waitFor("Passphrase for");
    await vga.type(passphrase);
    await vga.waitFor(/\*{38}/);
    const search = () => searchMemory(guest, MEMORY_MIB, join(directory, "memory"));
    expect((await search())(passphrase)).toEqual({ [NODE]: 1, [TTY]: 1 });
    await vga.type("\n");
    await vga.waitFor(/REALROOT-SETTLED[^]*# *$/);
    expect((await search())(passphrase)).toEqual({});
  });

  test.runIf(process.env["MKINITRD_TEST_ALL"]).each([
    { what: "the passphrase of a TrueCrypt volume, tried by cryptsetup", recipe: "tcplay-aes", realroot: "tcplay:ext4:/dev/vda1:tcroot:type=truecrypt,hash=ripemd160,cipher=aes" },
    { what: "the passphrase of a TrueCrypt volume, for tcplay", recipe: "tcplay-aes", realroot: "tcplay:ext4:/dev/vda1:tcroot:engine=tcplay" },
    { what: "a key file on a stick", recipe: "crypt-options" },
    { what: "a key file in the image", recipe: "crypt-luks1", realroot: "crypt:ext4:/dev/vda1:root:keyfile=/etc/root.key", key: true },
  ])("$what is on free pages at most after the pivot, and with init_on_free=1 nowhere", async ({ recipe, realroot, key }) => {
    const directory = temporaryDirectory();
    writeFileSync(join(directory, "root.key"), "correct horse");
    const files = key === true ? [{ from: join(directory, "root.key"), to: "/etc/root.key", mode: 0o400 }] : [];
    const image = await vmImage({ realroots: ["crypt", "tcplay"], files });
    for (const words of ["", "init_on_free=1"]) {
      const guest = await bootRecipe(recipe, { image, memoryMiB: MEMORY_MIB, append: `${KNOWN_ADDRESSES} realroot.shell ${words}`, ...(realroot === undefined ? {} : { realroot }) });
      await guest.waitFor(/REALROOT-SETTLED[^]*# *$/);
      const left = (await searchMemory(guest, MEMORY_MIB, join(directory, "memory")))("correct horse");
      expect(Object.keys(left).filter((owner) => words !== "" || !owner.startsWith("free"))).toEqual([]);
      await guest.end();
    }
  });
}, ["cryptsetup", "mkfs.vfat"]);

function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), "mkinitrd-secrets-"));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** A disk that is one LUKS2 volume and opens with this passphrase: the recipe's, with another key. Its writes are thrown away. */
async function diskWithPassphrase(passphrase: string, directory: string): Promise<string> {
  const { recipe, files: [made = ""] } = await vmDisk("crypt-luks2");
  const [disk, old, fresh] = ["luks.img", "old", "fresh"].map((name) => join(directory, name)) as [string, string, string];
  writeFileSync(disk, readFileSync(made).subarray(PARTITION_BYTES));
  writeFileSync(old, recipe.answers["Passphrase for"]?.[0] ?? "");
  writeFileSync(fresh, passphrase);
  await exec("cryptsetup", ["luksChangeKey", "--batch-mode", "--pbkdf", "argon2id", "--pbkdf-memory", "32768", "--pbkdf-force-iterations", "4", "--key-file", old, disk, fresh]);
  return disk;
}
