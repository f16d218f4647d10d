import { execFileSync, spawnSync } from "node:child_process";
import { copyFileSync, mkdtempSync, openSync, readFileSync, closeSync, writeFileSync, writeSync, rmSync, constants } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import type { Source } from "../../src/core/binary/source.ts";
import { parseCommandLine } from "../../src/core/realroot/command-line.ts";
import { formatStage } from "../../src/core/realroot/stage.ts";
import { readKinds } from "../../src/host/config/kinds.ts";
import { findVolumes } from "../../src/core/volumes/match.ts";
import { initFinding } from "../../src/host/check/root-init.ts";
import { openDisks } from "../../src/host/inspect/disks.ts";
import { dumpVolume } from "../../src/host/inspect/dump.ts";
import { withExtFiles } from "../../src/host/inspect/ext-files.ts";
import { type InspectNode, inspectTree } from "../../src/host/inspect/node.ts";
import { inspectJson, inspectText } from "../../src/host/inspect/text.ts";
import { surveyUnlocked, type Unlocked } from "../../src/host/inspect/unlock.ts";
import { parseHeaderWish, parseTcryptWish } from "../../src/host/inspect/wishes.ts";
import type { BuiltDisk } from "../../src/host/qemu/disks.ts";
import type { Content, Recipe } from "../../src/host/qemu/recipe.ts";
import { describeVm } from "./boot-helper.ts";
import { allRecipes, vmDisk } from "./disks.ts";

/** What lies in these no header tells of: nobody looks inside without a word of the person's. */
const OPAQUE = ["plain", "tcrypt", "veracrypt"];
const INIT = readFileSync(new URL("../../images/realroot-init", import.meta.url));
const E2FSCK = spawnSync("e2fsck", ["-V"]).error === undefined;

/** The disks were made by mkfs, cryptsetup, lvm and mdadm in a virtual machine: what they were told is what has to be found. */
describeVm("the disks of images/, read without root and without a kernel", () => {
  describe.each(allRecipes().map((recipe) => ({ name: recipe.name, recipe })))("$name", ({ name, recipe }) => {
    test("every filesystem, container and swap that the recipe names is found, by type, UUID and label", async () => {
      const nodes = await inspected(await vmDisk(name));
      for (const wanted of visibleContents(recipe)) expect(nodes).toContainEqual(expect.objectContaining(wanted));
      expect(nodes.flatMap(({ damage }) => damage)).toEqual([]);
    }, 600_000);

    test("every ext4 root has the init that it was made with, and it can be run", async () => {
      const roots = contentsOf(recipe).flatMap(({ above, content, detached }) => (content.kind === "filesystem" && content.root?.kind === "busybox" && content.root.part === "whole" && content.fstype === "ext4" && !detached && !above.some((kind) => OPAQUE.includes(kind)) ? [content] : []));
      await withSurvey(await vmDisk(name), async ({ volumes }) => {
        for (const { label, uuid } of roots) {
          const volume = volumes.find(({ content }) => content?.type === "ext4" && (uuid === undefined ? content.label === label : content.uuid === uuid))!;
          expect(await initFinding(volume, undefined)).toMatchObject({ outcome: "ok", evidence: "/sbin/init, which the kernel can run" });
          const pieces: Buffer[] = [];
          await withExtFiles(volume.source!, async (files) => {
            for await (const piece of (await files.find("/sbin/init"))!.pieces()) pieces.push(piece);
          });
          expect(Buffer.concat(pieces).equals(INIT)).toBe(true);
        }
      });
    }, 600_000);

    test("every realroot that is shown is one that the boot's own parser takes as it stands", async () => {
      const kinds = await readKinds();
      const shown = await withSurvey(await vmDisk(name), async (found) => inspectText(inspectTree(found), kinds, { colours: false, lines: false }).split("\n").filter((line) => line.startsWith("    realroot=")));
      for (const line of shown) {
        const { stages, warnings } = parseCommandLine(line, { kinds, defaultRealroot: "", sealed: false });
        expect([warnings, stages.map((stage) => `realroot=${formatStage(stage, kinds)}`).join(" ")]).toEqual([[], line.trim()]);
        expect(stages.map(({ device }) => device)).not.toContainEqual(expect.stringMatching(/\.img/));
      }
    }, 600_000);

    test("with each disk's table and first blocks overwritten the backup of a GPT is used, and that is said", async () => {
      const folder = temporary();
      const { files } = await vmDisk(name);
      const damaged = files.map((_, index) => join(folder, `${index}.img`));
      files.forEach((file, index) => copyFileSync(file, damaged[index]!, constants.COPYFILE_FICLONE));
      for (const file of damaged) overwrite(file, 512, 4096);
      const nodes = await inspected({ files: damaged, recipe });
      const tables = nodes.filter(({ layer }) => layer === "disk").map(({ damage, table }) => [table?.type, table?.usedCopy, damage.length > 0]);
      const expected = recipe.disks.map(({ table }) => (table?.type === "gpt" ? ["gpt", "backup", true] : expect.anything()));
      expect(tables).toEqual(expected);
    }, 600_000);
  });

  test.runIf(E2FSCK)("what is dumped of LVM in LUKS, LUKS on LVM, and stripes, mirrors, parity, snapshots, thin and cached volumes is a whole ext4", async () => {
    const folder = temporary();
    for (const [recipe, volumes] of Object.entries({
      "lvm-in-luks": ["vg00/lv0"], "luks-on-lv": ["LABEL=realroot"], raid5: ["LABEL=realroot"], "md-levels": ["LABEL=realroot", "LABEL=striped", "LABEL=parities"],
      "lvm-kinds": ["root-raid1", "striped", "mirrored", "r5", "r10", "thin", "cached", "origin", "snap-shot"].map((lv) => `vg-kinds/${lv}`),
    })) {
      await withSurvey(await vmDisk(recipe), async (found) => {
        for (const volume of volumes) {
          const [source] = findVolumes(found.volumes, volume).map((each) => each.source);
          const file = join(folder, "dump.img");
          await dumpVolume(source as Source, file, { fill: false, sha256: false, resume: false, progress: () => {} });
          expect(spawnSync("e2fsck", ["-fn", file], { encoding: "utf8" }), `${recipe} ${volume}`).toMatchObject({ status: 0 });
          execFileSync("rm", [file]);
        }
      });
    }
  }, 600_000);

  /** Made by tcplay and a kernel, or with headers that cryptsetup opens in other tests: what is in it is to be whole. `at` is the number of the disk, and of the partition. */
  test.runIf(E2FSCK).each([
    { recipe: "tcplay-aes", at: "0:1", options: "", passphrase: "correct horse", label: "realroot", spec: /^tcplay:ext4:PARTUUID=[0-9a-f-]+::type=truecrypt,hash=ripemd160$/ },
    { recipe: "tcplay-cascade", at: "0:1", options: ",type=truecrypt", passphrase: "correct horse", label: "first" },
    { recipe: "tcplay-cascade", at: "0:2", options: ",keyfile=first key file,keyfile=second key file,hash=whirlpool,type=truecrypt", passphrase: "correct horse", label: "second" },
    { recipe: "tcplay-cascade", at: "0:3", options: "", passphrase: "hidden horse", label: "realroot", spec: /hidden=yes/ },
    { recipe: "tcplay-system", at: "2", options: ",type=truecrypt,hidden=yes", passphrase: "hidden horse", label: "inner" },
    { recipe: "tcplay-variants", at: "0:2", options: ",type=truecrypt", passphrase: "backup horse", label: "backed", damage: /^the header does not open, the copy/ },
    { recipe: "tcplay-kinds", at: "0:7", options: ",type=truecrypt,keyfile=first key file", passphrase: "outer horse", label: "OUTER" },
    { recipe: "tcplay-kinds", at: "0:7", options: ",type=truecrypt,keyfile=second key file,keyfile=third key file", passphrase: "hidden horse", label: "inner", spec: /hidden=yes/ },
    { recipe: "tcplay-kinds", at: "0:8", options: ",type=truecrypt", passphrase: "horse", label: "backed", spec: /::type=truecrypt,hash=\w+,backup$/, damage: /^the header does not open, the copy at the volume's end was used/ },
    { recipe: "tcplay-kinds", at: "0:10", options: ",hash=sha256,pim=2,hidden=no", passphrase: "horse", label: "verasha", spec: /::hash=sha256,pim=2,hidden=no,type=veracrypt$/ },
    { recipe: "tcplay-system", at: "0:2", options: ",system,type=truecrypt", passphrase: "correct horse", label: "realroot", spec: /::system,type=truecrypt,hash=ripemd160$/ },
    { recipe: "tcplay-system", at: "1:1", options: ",system,hash=sha256,pim=3", passphrase: "vera horse", label: "verasystem" },
    { recipe: "tcplay-system", at: "2", options: ",type=truecrypt", passphrase: "outer horse", label: "WHOLE" },
    { recipe: "tcplay-variants", at: "0:4", options: ",type=veracrypt,hash=sha512,pim=1", passphrase: "correct horse", label: "realroot" },
  ])("$recipe, volume $at with the words \"$options\": $label is found in it, and an ext4 is whole when it is dumped", async ({ at, damage, label, options, passphrase, recipe, spec }) => {
    const folder = temporary();
    const words = options.replaceAll(/keyfile=([^,]+)/g, (_, text: string) => (writeFileSync(join(folder, text), text), `keyfile=${join(folder, text)}`));
    const { close, devices } = await openDisks((await vmDisk(recipe)).files);
    const [disk, partition] = at.split(":");
    const wish = parseTcryptWish(`${devices[Number(disk)]!.path}${partition === undefined ? "" : `:${partition}`}${words}`);
    const found = await surveyUnlocked(devices, async (_, attempt) => (attempt === 1 ? Buffer.from(passphrase) : undefined), { luks: false, tcrypt: [wish] });
    try {
      expect(found.problems).toEqual([]);
      const nodes = flat(inspectTree(found));
      const opened = nodes.find(({ layer }) => layer === "mapping"); // of a cascade the whole
      expect(opened).toMatchObject({ label });
      const container = nodes.find(({ children }) => children.includes(opened!))!;
      expect([container.type, container.damage]).toEqual(["crypto_TCRYPT", damage === undefined ? [] : [expect.stringMatching(damage)]]);
      if (spec !== undefined && opened!.type === "ext4") expect(inspectJson([opened!], await readKinds())).toMatchObject([{ realroot: [expect.stringMatching(spec)] }]);
      if (opened!.type !== "ext4") return;
      const file = join(folder, "dump.img");
      await dumpVolume(findVolumes(found.volumes, opened!.name)[0]!.source!, file, { fill: false, sha256: false, resume: false, progress: () => {} });
      expect(spawnSync("e2fsck", ["-fn", file], { encoding: "utf8" })).toMatchObject({ status: 0 });
    } finally {
      await found.close();
      await close();
    }
  }, 600_000);

  test.runIf(E2FSCK)("a LUKS volume whose header lies on another partition is opened when both are named, and the header alone is no volume", async () => {
    const { close, devices } = await openDisks((await vmDisk("crypt-options")).files);
    const ask = async (_: unknown, attempt: number) => (attempt === 1 ? Buffer.from("correct horse") : undefined);
    const found = await surveyUnlocked(devices, ask, { headers: [parseHeaderWish("PARTLABEL=payload=PARTLABEL=luks-header")] });
    try {
      expect(found.problems).toEqual([]);
      const opened = flat(inspectTree(found)).find(({ layer }) => layer === "mapping")!;
      expect(opened).toMatchObject({ label: "realroot", uuid: "2f1c7c5e-7e9e-4d6d-8f3e-0d9b1d0a6c21" });
      expect(inspectJson([opened], await readKinds())).toMatchObject([{ realroot: [expect.stringMatching(/^crypt:ext4:PARTUUID=[0-9a-f-]+:luks-7a4d6f1e-\S+:header=PARTUUID=[0-9a-f-]+$/)] }]);
      const file = join(temporary(), "dump.img");
      await dumpVolume(findVolumes(found.volumes, "LABEL=realroot")[0]!.source!, file, { fill: false, sha256: false, resume: false, progress: () => {} });
      expect(spawnSync("e2fsck", ["-fn", file], { encoding: "utf8" })).toMatchObject({ status: 0 });
      expect((await surveyUnlocked(devices, ask)).problems).toEqual([expect.stringMatching(/its header says that the payload is on another device\n {2}next: name the volume that has the payload: --header VOLUME=/)]);
    } finally {
      await found.close();
      await close();
    }
  }, 600_000);

  test("of a container whose header says that it is larger than its device the copy is used, and both sizes are said", async () => {
    const { close, devices } = await openDisks((await vmDisk("tcplay-kinds")).files);
    const found = await surveyUnlocked(devices, async () => Buffer.from("horse"), { luks: false, tcrypt: [parseTcryptWish(`${devices[0]!.path}:9,hash=sha512,pim=1,type=veracrypt`)] });
    await found.close();
    await close();
    expect(flat(inspectTree(found)).flatMap(({ damage }) => damage)).toEqual([expect.stringMatching(/the copy at the volume's end was used: the payload ends at byte 67239936, the device at byte 4194304/)]);
  }, 600_000);
});

const flat = (nodes: InspectNode[]): InspectNode[] => nodes.flatMap((node) => [node, ...flat(node.children)]);

async function inspected(disk: Pick<BuiltDisk, "files" | "recipe">): Promise<InspectNode[]> {
  return withSurvey(disk, async (found) => flat(inspectTree(found)));
}

/** With the passphrases of the recipe's LUKS volumes. */
async function withSurvey<T>({ files, recipe }: Pick<BuiltDisk, "files" | "recipe">, use: (found: Unlocked) => Promise<T>): Promise<T> {
  const { close, devices } = await openDisks(files);
  const secrets = [...new Set(contentsOf(recipe).flatMap(({ content }) => (content.kind === "luks" ? [content.passphrase] : [])))];
  const found = await surveyUnlocked(devices, async (_, attempt) => (secrets[attempt - 1] === undefined ? undefined : Buffer.from(secrets[attempt - 1]!)));
  try {
    return await use(found);
  } finally {
    await found.close();
    await close();
  }
}

function visibleContents(recipe: Recipe): { type: string; uuid?: string; label?: string }[] {
  return contentsOf(recipe).filter(({ above }) => !above.some((kind) => OPAQUE.includes(kind))).flatMap(({ content, detached }) => {
    const named = (type: string, { label, uuid }: { label?: string | undefined; uuid?: string | undefined }) => [{ type, ...(uuid === undefined ? {} : { uuid }), ...(label === undefined ? {} : { label }) }];
    if (detached) return [];
    if (content.kind === "filesystem") return named(content.fstype, content);
    return content.kind === "luks" && content.header === undefined ? named("crypto_LUKS", content) : [];
  });
}

interface Placed {
  content: Content;
  /** Kinds of what it lies in. */
  above: string[];
  /** It lies in a LUKS volume whose header is elsewhere. */
  detached: boolean;
}

function contentsOf({ arrays, disks, volumeGroups }: Recipe): Placed[] {
  const inside = (content: Content | undefined, above: string[], detached: boolean): Placed[] => {
    if (content === undefined) return [];
    const inner = "content" in content ? inside(content.content, [...above, content.kind], detached || (content.kind === "luks" && content.header !== undefined)) : [];
    return [{ content, above, detached }, ...inner];
  };
  const all = [
    ...disks.flatMap(({ content, table }) => [content, ...(table?.partitions ?? []).map((partition) => partition.content)]),
    ...arrays.map(({ content }) => content), ...volumeGroups.flatMap(({ logicalVolumes }) => logicalVolumes.map(({ content }) => content)),
  ];
  return all.flatMap((content) => inside(content, [], false));
}

function overwrite(file: string, at: number, lengthBytes: number): void {
  const descriptor = openSync(file, "r+");
  writeSync(descriptor, Buffer.alloc(lengthBytes, 0xa5), 0, lengthBytes, at);
  closeSync(descriptor);
}

function temporary(): string {
  const folder = mkdtempSync(join(tmpdir(), "read-disks-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return folder;
}
