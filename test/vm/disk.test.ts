import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { exec } from "../../src/host/exec.ts";
import { buildDisk } from "../../src/host/qemu/disks.ts";
import { parseRecipe } from "../../src/host/qemu/recipe-schema.ts";
import { describeVm } from "./boot-helper.ts";
import { vmDisk } from "./disks.ts";

let directory: string;
beforeAll(() => { directory = mkdtempSync(join(tmpdir(), "disk-test-")); });
afterAll(() => rmSync(directory, { recursive: true }));

interface ListedPartition {
  start: number;
  size: number;
  type: string;
  uuid?: string;
  name?: string;
}

/** The partition table as sfdisk reads it. */
async function sfdisk(file: string): Promise<{ label: string; id: string; partitions: ListedPartition[] }> {
  return JSON.parse((await exec("sfdisk", ["--json", file])).stdout).partitiontable;
}

/** What blkid finds on a disk, or on its partition of that number (from 0). */
async function blkid(file: string, partition?: number): Promise<Record<string, string>> {
  const { start, size } = partition === undefined ? { start: 0, size: 0 } : (await sfdisk(file)).partitions[partition]!;
  const range = size === 0 ? [] : ["--offset", String(start * 512), "--size", String(size * 512)];
  const { stdout } = await exec("blkid", ["--probe", "--output", "export", ...range, file]);
  return Object.fromEntries(stdout.split("\n").map((line) => [line.split("=")[0] ?? "", line.slice(line.indexOf("=") + 1)]));
}

/** A partition's bytes as a file of their own, for tools that take no offset. */
async function extract(file: string, partition: number): Promise<string> {
  const { start, size } = (await sfdisk(file)).partitions[partition]!;
  const to = join(directory, "partition.img");
  await exec("dd", [`if=${file}`, `of=${to}`, "bs=1M", "iflag=skip_bytes,count_bytes", `skip=${start * 512}`, `count=${size * 512}`, "conv=sparse"]);
  return to;
}

const disks = async (name: string): Promise<string[]> => (await vmDisk(name)).files;
const disk = async (name: string): Promise<string> => (await disks(name))[0]!;

describeVm("a disk made from a recipe", () => {
  test("has the partitions, names and filesystem that the recipe says (local-ext4)", async () => {
    const { label, id, partitions } = await sfdisk(await disk("local-ext4"));
    expect({ label, id }).toEqual({ label: "gpt", id: "6E1B1C5F-53C2-4F41-9D0E-4C1A7C5F0B01" });
    expect(partitions.map(({ name, uuid }) => ({ name, uuid }))).toEqual([
      { name: "other", uuid: "0F3B5A35-8A37-4D8E-B1F2-6B1D1C2A3E01" },
      { name: "testroot", uuid: "0F3B5A35-8A37-4D8E-B1F2-6B1D1C2A3E02" },
    ]);
    expect(await blkid(await disk("local-ext4"), 1)).toMatchObject({ TYPE: "ext4", LABEL: "realroot", UUID: "2f1c7c5e-7e9e-4d6d-8f3e-0d9b1d0a6c01" });
  });

  test("has xfs, btrfs, vfat and swap side by side (filesystems)", async () => {
    const file = await disk("filesystems");
    const found = await Promise.all([0, 1, 2, 3].map((partition) => blkid(file, partition)));
    expect(found.map(({ TYPE, LABEL, UUID }) => [TYPE, LABEL, UUID])).toEqual([
      ["xfs", "xfsroot", "2f1c7c5e-7e9e-4d6d-8f3e-0d9b1d0a6c08"],
      ["btrfs", "btrfsroot", "2f1c7c5e-7e9e-4d6d-8f3e-0d9b1d0a6c09"],
      ["vfat", "DATA", "4D4B-4902"],
      ["swap", "swap", "2f1c7c5e-7e9e-4d6d-8f3e-0d9b1d0a6c0a"],
    ]);
  });

  test.each([
    { name: "crypt-luks1", partition: 0, uuid: "7a4d6f1e-1a55-4f0e-9a6c-2b1f6d3c8e01", dump: /Version:\s+1\n/ },
    { name: "crypt-luks2", partition: 0, uuid: "7a4d6f1e-1a55-4f0e-9a6c-2b1f6d3c8e02", dump: /PBKDF:\s+argon2id\n\s+Time cost:\s+4\n\s+Memory:\s+32768\n\s+Threads:\s+1\n/ },
    { name: "lvm-in-luks", partition: 1, uuid: "7a4d6f1e-1a55-4f0e-9a6c-2b1f6d3c8e04", dump: /Label:\s+cryptlvm\n/ },
  ])("opens with the recipe's passphrase and with no other ($name)", async ({ name, partition, uuid, dump }) => {
    const container = await extract(await disk(name), partition);
    const { stdout } = await exec("cryptsetup", ["luksDump", container]);
    expect(stdout).toMatch(dump);
    expect(stdout).toContain(uuid);
    const open = (passphrase: string) => exec("cryptsetup", ["open", "--test-passphrase", "--key-file", "-", container], { input: Buffer.from(passphrase), accept: [2] });
    expect((await open("correct horse")).exitCode).toBe(0);
    expect((await open("incorrect horse")).exitCode).toBe(2);
  });

  test.each([
    { name: "striped", partition: undefined, metadata: /stripe_count = 2[^]*stripe_size = 128/ },
    { name: "missing-pv", partition: 0, metadata: /pv1 \{[^]*segment_count = 2/ },
    { name: "lvm", partition: 0, metadata: /lv0 \{[^]*stripe_count = 1/ },
  ])("is a physical volume whose metadata LVM can read ($name)", async ({ name, partition, metadata }) => {
    const volumes = partition === undefined ? await disks(name) : [await extract(await disk(name), partition)];
    for (const volume of volumes) expect((await exec("pvck", ["--dump", "metadata", volume])).stdout).toMatch(metadata);
  });

  test("takes no more room than what is on it", async () => {
    const { blocks, size } = statSync(await disk("lvm-in-luks"));
    expect(blocks * 512).toBeLessThan(size / 4);
  });
}, ["sfdisk", "blkid", "cryptsetup", "pvck", "dd"]);

describeVm("making a disk", () => {
  /** A recipe that no cache has: its filesystem has another name each time. */
  const fresh = (content: string) => parseRecipe(`disks: [{ size: 32M, table: none, content: { label: t${Date.now() % 1_000_000_000}, ${content} } }]`, join(directory, "fresh.yaml"));
  const forget = (file: string): void => rmSync(dirname(file), { recursive: true });

  test("two who want the same one at the same time get the same, made once, with a directory's files on it", async () => {
    mkdirSync(join(directory, "root"));
    writeFileSync(join(directory, "root/hello"), "from the directory\n");
    const recipe = fresh("filesystem: ext4, root: { directory: root }");
    const [one, other] = await Promise.all([buildDisk(recipe), buildDisk(recipe)]);
    expect(one.files).toEqual(other.files);
    expect([one.cacheHit, other.cacheHit].sort()).toEqual([false, true]);
    expect((await exec("debugfs", ["-R", "cat hello", one.files[0]!])).stdout).toBe("from the directory");
    const started = performance.now();
    expect((await buildDisk(recipe)).cacheHit).toBe(true);
    expect(performance.now() - started).toBeLessThan(1000);
    forget(one.files[0]!);
  });

  test("a step that fails is told in its program's own words, and nothing is left in the cache", async () => {
    const recipe = fresh("filesystem: btrfs");
    await expect(buildDisk(recipe)).rejects.toThrow(/making disks on the recipe 1:fresh: .*running mkfs\.btrfs on .*: exit code 1: .*is too small to make a usable filesystem/);
    const store = dirname(dirname(await disk("local-ext4")));
    expect(readdirSync(store).filter((name) => name.startsWith("fresh-") || name.startsWith(".new-"))).toEqual([]);
  });
}, ["debugfs"]);
