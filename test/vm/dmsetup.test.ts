import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test, vi } from "vitest";
import { run } from "../../src/host/cli/program.ts";
import { fixtureBytes } from "../fixtures/fixture.ts";
import { describeVm } from "./boot-helper.ts";
import { vmDisk } from "./disks.ts";
import { runJob } from "./guest-job/run-job.ts";

const ofKinds = (...lvs: string[]) => lvs.map((lv) => `vg-kinds/${lv}`);
/** Recipes, and volumes of each: those that have most to go wrong, and are small. */
const FEW: Record<string, string[]> = { "lvm-in-luks": ["vg00/swap0"], "lvm-kinds": ofKinds("r5", "thin", "cached", "snap-shot") };
/** All but `spread` of lvm-kinds, which has 300 MiB of what `striped` and `origin` show. */
const ALL: Record<string, string[]> = {
  "lvm-in-luks": ["vg00/lv0", "vg00/swap0"],
  "luks-on-lv": ["LABEL=realroot"],
  "crypt-luks1": ["LABEL=realroot"],
  "lvm-kinds": ofKinds("root-raid1", "striped", "mirrored", "r5", "r10", "thin", "cached", "origin", "snap-shot"),
};
const RECIPES = process.env["MKINITRD_TEST_ALL"] ? ALL : FEW;
const folder = mkdtempSync(join(tmpdir(), "dmsetup-vm-"));
afterAll(() => rmSync(folder, { recursive: true }));

interface Case {
  title: string;
  disks: Record<string, string>;
  lines: string[];
  concise: string;
  sha256: string;
}

/** What the command prints. */
async function mkinitrd(...words: string[]): Promise<string> {
  let [out, errors] = ["", ""];
  const spies = [vi.spyOn(console, "log").mockImplementation((text: string) => void (out += `${text}\n`)), vi.spyOn(console, "error").mockImplementation((text: string) => void (errors += `${text}\n`)), vi.spyOn(process.stderr, "write").mockImplementation(() => true)];
  try {
    await run(words);
  } finally {
    for (const spy of spies) spy.mockRestore();
  }
  expect([words, process.exitCode ?? 0, errors]).toEqual([words, 0, ""]);
  return out.trim();
}

/** What we say of a volume: its tables, and the digest of its bytes. */
async function caseOf(title: string, files: string[], volume: string, options: string[], number: number): Promise<Case> {
  const disks = Object.fromEntries(files.map((file, index) => [`${title.split(" ")[0]!.replaceAll("-", "")}${index}`, file]));
  const as = Object.entries(disks).flatMap(([name, file]) => ["--as", `${file}=/dev/${name}`]);
  const concise = await mkinitrd("dmsetup", "--showkeys", "--concise", ...options, ...as, ...files, volume);
  const file = join(folder, `dump-${number}.img`);
  await mkinitrd("dump", ...options, ...files, volume, "-o", file);
  const sha256 = createHash("sha256").update(readFileSync(file)).digest("hex");
  rmSync(file);
  // None of these names and tables has a comma or a semicolon.
  const lines = concise.split(";").flatMap((device) => { const [name, , , , ...table] = device.split(","); return table.map((line) => `${name}: ${line}`); });
  return { title, disks, lines, concise, sha256 };
}

/** Makes each volume, says what the kernel calls what, what it has, and what it reads, and takes it away again. */
function script(cases: readonly Case[]): string {
  const disks = [...new Set(cases.flatMap((each) => Object.keys(each.disks)))];
  const nodes = disks.flatMap((name) => [name, `${name}p1`, `${name}p2`]);
  return [
    "number() { set -- $(stat -L -c '%t %T' \"$1\"); echo \"$((0x$1)):$((0x$2))\"; }",
    `for name in ${nodes.join(" ")}; do [ -b /dev/$name ] && echo "NODE /dev/$name $(number /dev/$name)"; done`,
    ...cases.flatMap(({ concise, lines }, index) => {
      const names = [...new Set(lines.map((line) => line.slice(0, line.indexOf(": "))))];
      return [
        `echo "CASE ${index}"`,
        `dmsetup create --noudevsync --concise '${concise}' || dmesg | tail -n 3; dmsetup mknodes`,
        `for name in ${names.join(" ")}; do echo "NODE /dev/mapper/$name $(dmsetup info -c --noheadings -o major,minor $name)"; dmsetup table --showkeys $name | while read -r line; do echo "TABLE $name: $line"; done; done`,
        `echo "SUM $(sha256sum < /dev/mapper/${names.at(-1)!} | cut -d' ' -f1)"`,
        `for name in ${names.toReversed().join(" ")}; do dmsetup remove --noudevsync --retry $name; done`,
      ];
    }),
  ].join("\n");
}

/** What the kernel had and read, by case; with the names of devices in the place of their numbers. */
function parse(log: string): { tables: string[]; sum: string | undefined }[] {
  const [start = "", ...cases] = log.split(/^CASE \d+\n/m);
  const nodesIn = (text: string) => [...text.matchAll(/^NODE (\S+) (\S+)$/gm)].map(([, path, number]) => [number!, path!] as const);
  return cases.map((text) => {
    const nodes = new Map([...nodesIn(start), ...nodesIn(text)]);
    const tables = [...text.matchAll(/^TABLE (.*)$/gm)].map(([, line]) => line!.split(" ").map((word) => nodes.get(word) ?? word).join(" "));
    return { tables, sum: /^SUM (\w+)$/m.exec(text)?.[1] };
  });
}

describeVm("what mkinitrd dmsetup prints, given to the kernel", () => {
  test("is taken by dmsetup create --concise, is there again in dmsetup table, and the volume has the bytes that mkinitrd dump reads", async () => {
    const cases: Case[] = [];
    const key = join(folder, "key");
    writeFileSync(key, "correct horse");
    for (const [recipe, volumes] of Object.entries(RECIPES)) {
      const { files } = await vmDisk(recipe);
      for (const volume of volumes) cases.push(await caseOf(`${recipe} ${volume}`, files, volume, recipe.includes("luks") ? ["--key-file", key] : [], cases.length));
    }
    const verity = join(folder, "verity.img");
    writeFileSync(verity, fixtureBytes("dm/verity-disk.img.gz"));
    const [rootHash] = fixtureBytes("dm/verity-disk.txt").toString().split(" ");
    cases.push(await caseOf("verity LABEL=root1", [verity], "LABEL=root1", ["--root-hash", rootHash!], cases.length));

    const disks: Record<string, string> = Object.assign({}, ...cases.map((each) => each.disks));
    const { log } = await runJob(folder, script(cases), disks);
    const kernels = parse(log);
    expect(kernels.map(({ sum }, index) => [cases[index]!.title, sum]), log).toEqual(cases.map(({ sha256, title }) => [title, sha256]));
    expect(kernels.map(({ tables }) => tables)).toEqual(cases.map(({ lines }) => lines));
  }, 300_000);
});
