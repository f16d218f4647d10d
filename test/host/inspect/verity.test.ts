import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createHash } from "node:crypto";
import { afterAll, expect, test } from "vitest";
import { run } from "../../../src/host/cli/program.ts";
import type { InspectNode } from "../../../src/host/inspect/node.ts";
import { fixtureBytes } from "../../fixtures/fixture.ts";
import { lvmReports } from "../../fixtures/lvm2/reports.ts";
import { captureConsole } from "../cli/captured.ts";

const folder = mkdtempSync(join(tmpdir(), "verity-"));
afterAll(() => rmSync(folder, { recursive: true }));
const printed = captureConsole();

/** Root hash and digest of the data, as veritysetup and sha256sum printed them; see make-verity-disk.sh, which has the places, too. */
const [first, second] = fixtureBytes("dm/verity-disk.txt").toString().trim().split("\n").map((line) => line.split(" ") as [string, string]) as [[string, string], [string, string]];
const [DATA, TREE] = [64 * 512, 1408 * 512];

let count = 0;
function disk(change: (bytes: Buffer) => void = () => {}): string {
  const bytes = fixtureBytes("dm/verity-disk.img.gz");
  change(bytes);
  const file = join(folder, `disk-${count++}.img`);
  writeFileSync(file, bytes);
  return file;
}
const output = (): string => join(folder, `out-${count++}`);
const sha256 = (file: string) => createHash("sha256").update(readFileSync(file)).digest("hex");

test("inspect joins each hash tree to its data, by the UUIDs of the partitions or by what they hold", async () => {
  const file = disk();
  await run(["inspect", "--json", file]);
  const [{ children }] = JSON.parse(printed.out) as [InspectNode];
  const name = (number: number) => `${file.slice(folder.length + 1)}:${number}`;
  expect(children.map(({ verity }) => verity)).toEqual([
    undefined, { data: name(1), rootHash: first[0], algorithm: "sha256", dataBlocks: 128, dataBlockBytes: 4096 },
    undefined, { data: name(3), rootHash: second[0], algorithm: "sha256", dataBlocks: 128, dataBlockBytes: 4096 },
  ]);
  printed.out = "";
  await run(["inspect", file]);
  expect(printed.out).toContain(`hash tree of ${name(3)}, root hash ${second[0]}`);
});

test("with the root hash the filesystem is in a device that verifies it, and the bare data has no name of its own", async () => {
  const file = disk();
  await run(["inspect", "--json", "--root-hash", first[0], file]);
  const [{ children: [data] }] = JSON.parse(printed.out) as [InspectNode];
  expect(data).toMatchObject({ children: [{ name: "/dev/mapper/verity-00000000-0000-0000-0000-000000000001", type: "ext4", label: "root1", sizeBytes: 512 * 1024 }] });
  expect(data!.type).toBeUndefined();
  for (const volume of ["LABEL=root1", `${file.slice(folder.length + 1)}:1`]) {
    const to = output();
    await run(["dump", "--root-hash", first[0].toUpperCase(), file, volume, "-o", to]);
    expect([printed.errors, sha256(to)]).toEqual(["", first[1]]);
  }
});

test("a flipped bit is an error that names the block; --fill lists it", async () => {
  const file = disk((bytes) => { bytes[DATA + 5 * 4096 + 17]! ^= 1; });
  await run(["dump", "--root-hash", first[0], file, "LABEL=root1", "-o", output()]);
  expect([process.exitCode, printed.errors]).toEqual([1, expect.stringMatching(/bytes 20480 to 24575: .*data block 5, at byte 20480, is not what the hash tree says/)]);
  printed.out = "";
  await run(["dump", "--fill", "--json", "--root-hash", first[0], file, "LABEL=root1", "-o", output()]);
  expect(JSON.parse(printed.out)).toMatchObject({ unreadable: [{ startBytes: 20480, lengthBytes: 4096 }] });
  // Without the root hash nothing is verified.
  const to = output();
  printed.errors = "";
  await run(["dump", file, "LABEL=root1", "-o", to]);
  expect(printed.errors).toBe("");
});

test("a changed hash tree has another root hash, and is refused", async () => {
  await run(["dump", "--root-hash", first[0], disk((bytes) => { bytes[TREE + 4096]! ^= 1; }), "LABEL=root1", "-o", output()]);
  expect([process.exitCode, printed.errors]).toEqual([1, expect.stringMatching(new RegExp(`no hash tree has it; .*:2 has (?!${first[0]})[0-9a-f]{64}, .*:4 has ${second[0]}`))]);
});

test("without the data it says on what the tree is", async () => {
  const file = disk((bytes) => bytes.fill(0xa5, DATA, TREE));
  const bare = disk((bytes) => { bytes.fill(0xa5, 1600 * 512, 2688 * 512); });
  await run(["inspect", bare]);
  expect(printed.out).toMatch(/:4 .* hash tree of data that is not here, root hash/);
  await run(["dump", "--root-hash", second[0], bare, "LABEL=root2", "-o", output()]);
  expect(printed.errors).toMatch(/the hash tree is on disk-\d+\.img:4, and no volume has its data\n {2}next: name the disk that has it, too/);
  // The partition's UUID still says which it was.
  await run(["dump", "--root-hash", first[0], file, `${file.slice(folder.length + 1)}:1`, "-o", output()]);
  expect(printed.errors).toMatch(/data block 0, at byte 0, is not what the hash tree says/);
});

test("a tree in the partition of its data is found where the filesystem ends, as veritysetup --hash-offset puts it there", async () => {
  const bytes = fixtureBytes("dm/verity-disk.img.gz");
  const file = join(folder, "both.img");
  const both = Buffer.concat([bytes.subarray(DATA, DATA + 512 * 1024), bytes.subarray(TREE, TREE + 64 * 1024)]);
  writeFileSync(file, both);
  await run(["inspect", file]);
  expect(printed.out).toMatch(new RegExp(`^both\\.img .* ext4 .* with its hash tree behind it, root hash ${first[0]}$`, "m"));
  const to = output();
  await run(["dump", "--root-hash", first[0], file, "LABEL=root1", "-o", to]);
  expect([printed.errors, sha256(to)]).toEqual(["", first[1]]);
  both[9 * 4096]! ^= 1;
  writeFileSync(file, both);
  await run(["dump", "--root-hash", first[0], file, "both.img", "-o", output()]);
  expect(printed.errors).toContain("data block 9, at byte 36864, is not what the hash tree says");
});

test("data and hash tree in files of their own are joined, and dmsetup has the table that veritysetup's output describes", async () => {
  const [data, hash] = ["data", "hash"].map((name) => {
    writeFileSync(join(folder, `${name}.img`), fixtureBytes(`dm/verity-default.${name}.img.gz`));
    return join(folder, `${name}.img`);
  }) as [string, string];
  const table = fixtureBytes("dm/verity-default.table").toString().trim();
  const rootHash = /sha256 ([0-9a-f]{64})/.exec(table)![1]!;
  await run(["dmsetup", "--as", "data.img=/dev/mapper/data", "--as", "hash.img=/dev/mapper/hash", "--root-hash", rootHash, hash, data, "data.img"]);
  expect(printed.out).toBe(`verity-00000000-0000-0000-0000-00000000000a: ${table}\n`);
});

test.each(["12", "xyz", `${"0".repeat(63)}`])("--root-hash %s is refused", async (text) => {
  await run(["inspect", "--root-hash", text, disk()]);
  expect([process.exitCode, printed.errors]).toEqual([1, expect.stringContaining("it is no digest in hexadecimal digits")]);
});

test.skipIf(spawnSync("veritysetup", ["--version"]).error !== undefined)("of a tree over one block no root hash is told: it has none of its own (skipped without veritysetup)", async () => {
  const [data, hash] = [join(folder, "one.img"), join(folder, "one-hash.img")];
  writeFileSync(data, Buffer.alloc(4096, "x"));
  writeFileSync(hash, "");
  execFileSync("veritysetup", ["format", data, hash]);
  await run(["inspect", data, hash]);
  expect(printed.out).toMatch(/^one-hash\.img .*DM_verity_hash/m);
  expect(printed.out).not.toContain("root hash");
});

test.skipIf(spawnSync("veritysetup", ["--version"]).error !== undefined)("LUKS and LVM on a verified device are read through it, whatever is named, and by --all (skipped without veritysetup)", async () => {
  const { lvs, vg } = lvmReports("vg-one");
  const other = join(folder, "group-b.img");
  writeFileSync(other, fixtureBytes("lvm2/group-b.img.gz"));
  const [data, hash] = [join(folder, "pv.img"), join(folder, "pv-hash.img")];
  const bytes = fixtureBytes("lvm2/group-a.img.gz");
  writeFileSync(data, bytes);
  writeFileSync(hash, "");
  const [, rootHash = ""] = /Root hash:\s*([0-9a-f]{64})/.exec(execFileSync("veritysetup", ["format", data, hash], { encoding: "utf8" })) ?? [];
  const root = `${vg.vg_name}/root`;
  await run(["dump", "--root-hash", rootHash, data, hash, other, root, "-o", join(folder, "whole.out")]);
  expect([process.exitCode ?? 0, printed.errors]).toEqual([0, ""]);
  const whole = readFileSync(join(folder, "whole.out"));
  expect(whole.length).toBe(Number(lvs.find(({ lv_name: name }) => name === "root")!.lv_size));
  const at = bytes.indexOf(whole.subarray(0, 4096));
  bytes[at + 100]! ^= 1;
  writeFileSync(data, bytes);
  await run(["dump", "--root-hash", rootHash, data, hash, other, root, "-o", join(folder, "changed.out")]);
  expect([process.exitCode, printed.errors]).toEqual([1, expect.stringMatching(/data block \d+, at byte \d+, is not what the hash tree says/)]);
  await run(["dump", "--all", "--root-hash", rootHash, data, hash, other, "-o", join(folder, "all")]);
  expect([process.exitCode, existsSync(join(folder, "all", root))]).toEqual([1, false]);
});
