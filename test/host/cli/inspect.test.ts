import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { run } from "../../../src/host/cli/program.ts";
import { type InspectNode, inspectTree } from "../../../src/host/inspect/node.ts";
import { inspectText, type TextStyle } from "../../../src/host/inspect/text.ts";
import { fixtureBytes } from "../../fixtures/fixture.ts";
import { lvmReports } from "../../fixtures/lvm2/reports.ts";
import { captureConsole } from "./captured.ts";

const folder = mkdtempSync(join(tmpdir(), "inspect-"));
afterAll(() => rmSync(folder, { recursive: true }));
const printed = captureConsole();

/** Writes a fixture, or bytes, as a disk; gives its path. */
function disk(name: string, content: string | Buffer): string {
  const file = join(folder, name);
  writeFileSync(file, typeof content === "string" ? fixtureBytes(content) : content);
  return file;
}

const tree = async (...words: string[]): Promise<InspectNode[]> => {
  await run(["inspect", "--json", ...words]);
  return JSON.parse(printed.out) as InspectNode[];
};

describe("inspect", () => {
  test("shows partitions with what is in them, and the realroots behind the tree", async () => {
    const bytes = fixtureBytes("gpt/three-partitions.img.gz");
    fixtureBytes("fs/ext4.img.gz").copy(bytes, 64 * 512, 0, 65536);
    await run(["inspect", disk("three.img", bytes)]);
    expect(printed.out).toMatch(/^three\.img +[\d.]+ MiB +gpt$/m);
    expect(printed.out).toMatch(/^ {2}three\.img:1 +[\d.]+ KiB +ext4 /m);
    expect(printed.out).toMatch(/A root may be on:\n {2}three\.img:1 {2}ext4.*\n {4}realroot=local:ext4:UUID=[0-9a-f-]{36}\n$/);
    expect(printed.out).not.toContain("\x1b");
  });

  test("draws the tree and colours it where a person looks on, and not for a program", async () => {
    const trees = [{ name: "a", children: [{ name: "a:1", damage: ["torn"], children: [{ name: "x" }] }, { name: "a:2" }] }] as unknown as InspectNode[];
    const complete = (nodes: InspectNode[]): InspectNode[] => nodes.map((node) => ({ ...node, layer: "partition", sizeBytes: 1024, damage: node.damage ?? [], children: complete(node.children ?? []) }));
    const names = (style: TextStyle) => inspectText(complete(trees), {}, style).split("\n").map((line) => line.replace(/ {2,}1 KiB *$/, "").trimEnd());
    expect(names({ colours: false, lines: true })).toEqual(["a", "├─a:1", "│ │ ! torn", "│ └─x", "└─a:2"]);
    expect(names({ colours: false, lines: false })).toEqual(["a", "  a:1", "    ! torn", "    x", "  a:2"]);
    expect(inspectText(complete(trees), {}, { colours: true, lines: true })).toContain("\x1b[31m! torn\x1b[39m");
  });

  test("has a volume group below its physical volumes, with sizes and UUIDs as LVM prints them", async () => {
    const { lvs, segments, vg } = lvmReports("vg-one");
    const [first, second, ...others] = await tree(disk("group-a.img", "lvm2/group-a.img.gz"), disk("group-b.img", "lvm2/group-b.img.gz"));
    expect(others).toEqual([]);
    const [group] = first!.children;
    expect(group).toMatchObject({ layer: "vg", name: vg.vg_name, uuid: vg.vg_uuid, alsoOn: ["group-b.img"], seqno: Number(vg.vg_seqno), damage: [] });
    expect(second!.children).toEqual([]);
    const visible = lvs.filter(({ lv_name: name }) => !name.startsWith("["));
    const volumes = (list: (readonly [string, string | undefined, number])[]) => list.toSorted(([a], [b]) => (a < b ? -1 : 1));
    expect(volumes(group!.children.map(({ lvUuid, name, sizeBytes }) => [name, lvUuid, sizeBytes]))).toEqual(volumes(visible.map((lv) => [`${vg.vg_name}/${lv.lv_name}`, lv.lv_uuid, Number(lv.lv_size)])));
    for (const { lv_name: name } of visible) {
      const node = group!.children.find((child) => child.name === `${vg.vg_name}/${name}`)!;
      expect(node.segmentTypes).toEqual([...new Set(segments.filter((segment) => segment.lv_name === name).map(({ segtype }) => segtype))]);
    }
  });

  test("names the physical volume that is not there, at the group and at what needs it", async () => {
    const { pvs } = lvmReports("vg-one");
    const [first] = await tree(disk("group-a.img", "lvm2/group-a.img.gz"));
    const missing = pvs.find(({ pv_name: name }) => name === "group-b.img")!.pv_uuid;
    expect(first!.children[0]).toMatchObject({ missingPvs: [missing], damage: [expect.stringContaining(missing)] });
    expect(first!.children[0]!.children.flatMap(({ damage }) => damage)).toContain(`the physical volume ${missing} is missing`);
  });

  test("says of a logical volume that makes no sense that it can't be read", () => {
    const lv = { vg: "vg0", vgUuid: "group", lv: "odd", lvUuid: "odd", active: false, missingPvs: [], unread: true };
    const [node] = inspectTree({ groups: [], arrays: [], volumes: [{ name: "vg0/odd", layer: "lv", sizeBytes: 4096, lv }] });
    expect(node!.damage).toEqual([expect.stringMatching(/^it can't be read: what LVM's metadata says of it names a volume/)]);
  });

  test("says which copy of a damaged table was used", async () => {
    const bytes = fixtureBytes("gpt/three-partitions.img.gz");
    bytes[512 + 16]! ^= 0xff;
    const [first] = await tree(disk("damaged.img", bytes));
    expect(first).toMatchObject({ table: { type: "gpt", usedCopy: "backup" }, damage: [expect.stringMatching(/CRC/)] });
    expect(first!.children).toHaveLength(3);
    await run(["inspect", join(folder, "damaged.img")]);
    expect(printed.out).toMatch(/^│? *! .*CRC/m);
  });

  test("a disk of 4096-byte blocks in a file is no damage", async () => {
    const [first] = await tree(disk("four-k.img", "gpt/four-k.img.gz"));
    expect(first).toMatchObject({ table: { type: "gpt", logicalBlockBytes: 4096 }, damage: [] });
  });

  test.each([
    { what: "nothing on it", content: Buffer.alloc(1024 * 1024) },
    { what: "a single byte", content: Buffer.alloc(1) },
    { what: "no byte", content: Buffer.alloc(0) },
  ])("a disk with $what is shown without a word of what it holds", async ({ content }) => {
    const [first] = await tree(disk("empty.img", content));
    expect(first).toEqual({ name: "empty.img", layer: "disk", sizeBytes: content.length, damage: [], children: [] });
    expect(process.exitCode ?? 0).toBe(0);
  });

  test.each([["none.img", /there is no such file/], ["directory", /it is a directory/]])("%s is an error and exit code 1", async (name, found) => {
    mkdirSync(join(folder, "directory"), { recursive: true });
    await run(["inspect", join(folder, name)]);
    expect([process.exitCode, printed.out]).toEqual([1, ""]);
    expect(printed.errors).toMatch(found);
  });
});

describe("dump", () => {
  test("writes every logical volume of a group as VG/LV, with the digests that were there when it was made", async () => {
    const { vg } = lvmReports("vg-one");
    const disks = [disk("group-a.img", "lvm2/group-a.img.gz"), disk("group-b.img", "lvm2/group-b.img.gz")];
    await run(["dump", "--all", "--sha256", ...disks, "-o", join(folder, "all")]);
    const digests = fixtureBytes("lvm2/vg-one.sha256").toString().trim().split("\n").map((line) => line.split(" ")[0]!);
    for (const digest of digests) expect(printed.out).toContain(digest);
    const written = execFileSync("find", [join(folder, "all", vg.vg_name), "-type", "f", "-exec", "sha256sum", "{}", ";"], { encoding: "utf8" });
    for (const digest of digests) expect(written).toContain(digest);
  });

  test("of a volume with a physical volume missing an error names it and the bytes; --fill writes zeros there, and lists them", async () => {
    const { lvs, pvs, segments, vg } = lvmReports("vg-one");
    const file = disk("group-a.img", "lvm2/group-a.img.gz");
    const to = join(folder, "partial.img");
    const missing = pvs.find(({ pv_name: name }) => name === "group-b.img")!.pv_uuid;
    await run(["dump", file, "vg-one/root", "-o", to]);
    const extent = Number(vg.vg_extent_size);
    const [gone] = segments.filter(({ lv_name: name, seg_pe_ranges: ranges }) => name === "root" && ranges.startsWith("group-b"));
    const [start, length] = [Number(gone!.seg_start_pe) * extent, Number(gone!.seg_size_pe) * extent];
    const words = `the physical volume ${missing} is not here: bytes ${start} to ${start + length - 1} lie there\n  next: name the disks that have them, too; --fill writes zeros`;
    expect([process.exitCode, existsSync(to), printed.errors]).toEqual([1, false, expect.stringContaining(words)]);
    await run(["dump", "--fill", "--json", file, "vg-one/root", "-o", to]);
    expect(JSON.parse(printed.out)).toMatchObject({ bytes: Number(lvs.find(({ lv_name: name }) => name === "root")!.lv_size), unreadable: [{ startBytes: start, lengthBytes: length, why: expect.stringContaining(missing) }] });
    const other = fixtureBytes("lvm2/group-b.img.gz");
    const [, first] = /^group-b\.img:(\d+)-/.exec(gone!.seg_pe_ranges)!;
    other.fill("what was lost", Number(pvs[0]!.pe_start) + Number(first) * extent, Number(pvs[0]!.pe_start) + Number(first) * extent + length);
    await run(["dump", file, disk("group-b.img", other), "vg-one/root", "-o", `${to}.whole`]);
    const expected = readFileSync(`${to}.whole`);
    expect(expected.toString("latin1", start, start + 13)).toBe("what was lost");
    expected.fill(0, start, start + length);
    expect(readFileSync(to).equals(expected)).toBe(true);
  });

  test("writes one volume by its name or tag, and never over an input or what is there", async () => {
    const bytes = fixtureBytes("gpt/three-partitions.img.gz");
    fixtureBytes("fs/swap.img.gz").copy(bytes, 1088 * 512, 0, 8192);
    const file = disk("parts.img", bytes);
    const to = join(folder, "part.img");
    await run(["dump", file, "parts.img:2", "-o", to]);
    const { partitiontable: { partitions } } = JSON.parse(fixtureBytes("gpt/three-partitions.sfdisk.json").toString()) as { partitiontable: { partitions: { start: number; size: number; uuid: string }[] } };
    const { size, start, uuid } = partitions[1]!;
    expect(readFileSync(to).equals(bytes.subarray(start * 512, (start + size) * 512))).toBe(true);
    await run(["dump", file, `PARTUUID=${uuid}`, "-o", to]);
    expect([process.exitCode, printed.errors]).toEqual([1, expect.stringMatching(/there is something of this name\n {2}next: name another file: -o FILE, or replace it: --force/)]);
    process.exitCode = undefined;
    await run(["dump", file, `PARTUUID=${uuid}`, "-o", to, "--force"]);
    expect(process.exitCode ?? 0).toBe(0);
    await run(["dump", file, "parts.img:2", "-o", file, "--force"]);
    expect(printed.errors).toMatch(/it is one of the disks/);
    expect(readFileSync(file).equals(bytes)).toBe(true);
  });

  test("a volume that is not there is an error with those that are; one whose disk is missing says which", async () => {
    const file = disk("group-a.img", "lvm2/group-a.img.gz");
    await run(["dump", file, "nope", "-o", join(folder, "nope.img")]);
    expect(printed.errors).toMatch(/finding the volume "nope" on the disks: it is not there; there are\n {4}group-a\.img {2}LVM2_member/);
    const { vg, lvs } = lvmReports("vg-one");
    printed.errors = "";
    for (const { lv_name: name } of lvs) await run(["dump", file, `${vg.vg_name}/${name}`, "-o", join(folder, `${name}.img`)]);
    expect(printed.errors).toMatch(/the physical volume [\w-]+ is not here: bytes \d+ to \d+.* lie there\n {2}next: name the disks that have them, too/);
    expect(process.exitCode).toBe(1);
  });
});
