import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { parseHeader } from "../../../src/core/rc/header.ts";
import { archiveBytes } from "../../../src/host/layers/archive.ts";
import { packageRoot } from "../../../src/host/package-root.ts";
import type { ScriptFile } from "../../../src/host/plan/facts.ts";
import { withManifest } from "../../../src/host/plan/manifest.ts";
import { MANIFEST_PATH, parseManifest } from "../../../src/host/plan/manifest-format.ts";
import { mergeLayers } from "../../../src/host/plan/merge.ts";
import { link } from "../../../src/host/plan/paths.ts";
import type { Entry, PlannedLayer } from "../../../src/host/plan/types.ts";
import { cpio, file } from "./cpio.ts";
import { mkinitrd } from "./mkinitrd.ts";

const MODULES = "usr/lib/modules/6.1.0-32-amd64";
const scripts: ScriptFile[] = [
  { name: "crypt", source: "rc.d/crypt.ts", origin: "rc.d", from: { bytes: Buffer.alloc(0) }, header: parseHeader("// KEYWORD: crypt\n// FIELDS: device\n// MODULES: dm_crypt xts\n// PROGRAMS: cryptsetup\n", "crypt.ts") },
  { name: "lvm", source: "rc.d/lvm.ts", origin: "rc.d", from: { bytes: Buffer.alloc(0) }, header: parseHeader("// KEYWORD: lvm\n// FIELDS: device\n// MODULES: dm_mod\n", "lvm.ts") },
];
const of = (path: string, reason: string, content: string | number = path): Entry => ({ path, mode: 0o644, reason, type: "file", from: { bytes: Buffer.from(typeof content === "number" ? "x".repeat(content) : content) } });

function layers(): PlannedLayer[] {
  return withManifest(mergeLayers([
    { name: "tools", entries: [of("usr/sbin/cryptsetup", "for rc.d/crypt.ts", 700_000), link("usr/bin/sh", "/usr/bin/busybox", "applet of busybox, the shell of pid 1"), of("usr/bin/busybox", "the shell of pid 1", 900_000),
      of("usr/lib/libx.so.1", "libx.so.1, for cryptsetup, for rc.d/crypt.ts", 300_000), of("usr/lib/libx.so.1", "libx.so.1, for lvm, for rc.d/lvm.ts", 300_000)] },
    { name: "modules", entries: [of(`${MODULES}/dm-mod.ko`, "dependency of dm_crypt, for rc.d/crypt.ts", 430_000), of(`${MODULES}/dm-mod.ko`, "for rc.d/lvm.ts", 430_000), of(`${MODULES}/ahci.ko`, "modules: generic", 50_000), of("usr/lib/firmware/a.bin", "firmware of ahci", 10)] },
    { name: "site", entries: [of("etc/mkinitrd/boot.json", "the configuration", "{}")] },
  ]), { scripts, stages: [] }, { realroots: ["crypt", "lvm"] });
}

let folder: string;
let image: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "why-"));
  image = join(folder, "initrd.img");
  writeFileSync(image, await packed(layers()));
});
afterAll(() => rmSync(folder, { recursive: true }));

async function packed(all: readonly PlannedLayer[]): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for (const layer of all) for await (const piece of archiveBytes(layer, 0)) pieces.push(piece);
  return Buffer.concat(pieces);
}

test.each([
  { words: [`/${MODULES}/dm-mod.ko`], says: `${MODULES}/dm-mod.ko: layer modules\n  realroots: crypt → rc.d/crypt.ts → MODULES dm_crypt → dependency dm_mod\n  realroots: lvm → rc.d/lvm.ts → MODULES dm_mod\n` },
  { words: ["dm_mod"], says: /^usr\/lib\/modules\/.*dm-mod.ko: layer modules\n/ },
  { words: ["usr/bin/sh"], says: "usr/bin/sh -> /usr/bin/busybox: layer tools\n  the shell of pid 1 → busybox → applet sh\nusr/bin/busybox: layer tools\n  the shell of pid 1 → busybox\n" },
  { words: ["a.bin"], says: "usr/lib/firmware/a.bin: layer modules\n  modules: generic → ahci → firmware a.bin\n" },
  { words: ["usr"], says: "usr: layer tools\n  holds other entries → usr\n" },
  { words: [MANIFEST_PATH], says: "etc/mkinitrd/manifest.json: layer site\n  what mkinitrd why reads → manifest.json\n" },
])("why $words", async ({ words, says }) => {
  const { code, out } = await mkinitrd("why", image, ...words);
  expect(code).toBe(0);
  expect(out).toEqual(typeof says === "string" ? says : expect.stringMatching(says));
});

test("each path of an image has a chain, and --json gives it", async () => {
  const paths = (await mkinitrd("ls", image)).out.trim().split("\n");
  const explained = JSON.parse((await mkinitrd("why", "--json", image, ...paths)).out) as { path: string; chains: string[][] }[];
  expect([...new Set(explained.map(({ path }) => path))].sort()).toEqual(paths);
  for (const { chains } of explained) expect(chains.flat().every((label) => label !== "")).toBe(true);
});

test("what is put in front or behind later has no reason, and takes none away", async () => {
  const more = join(folder, "more.img");
  writeFileSync(more, Buffer.concat([cpio(file("kernel/x")), readFileSync(image), cpio(file("etc/late"))]));
  expect((await mkinitrd("why", more, "ahci")).out).toMatch(/modules: generic → ahci/);
  for (const path of ["kernel/x", "etc/late"]) expect((await mkinitrd("why", more, path)).errors).toMatch(/it came into the image after mkinitrd had made it/);
});

test("an image of another tool is a clear error; so is a path that is not there", async () => {
  const other = join(folder, "other.img");
  writeFileSync(other, cpio(file("init")));
  expect((await mkinitrd("why", other, "init")).errors).toMatch(/no \/etc\/mkinitrd\/manifest.json that this version reads: another tool made it/);
  expect((await mkinitrd("why", image, "/usr/sbin/cryptsetu")).errors).toMatch(/no such path\n {2}next: did you mean "usr\/sbin\/cryptsetup"/);
});

test.each([
  "", "null", "[]", '{"version":2}', '{"version":1,"labels":["a"],"behind":[0],"layers":[]}', '{"version":1,"labels":["a"],"behind":[],"layers":[]}',
  '{"version":1,"labels":["a","b"],"behind":[1,-1],"layers":[]}', '{"version":1,"labels":["a"],"behind":[-1],"layers":[{"name":"x","paths":"0x0","causes":[1]}]}', '{"version":1,"labels":["a"],"behind":[-1],"layers":[null]}',
])("a manifest that says %s is none", (text) => {
  expect(parseManifest(text)).toBeUndefined();
});

test("size has a row for each archive and for what its files are there for", async () => {
  const { out } = await mkinitrd("size", image);
  expect(out).toBe(example("size"));
  const tree = JSON.parse((await mkinitrd("size", "--json", image)).out) as { packedBytes: number; files: number; parts: { name: string; packedBytes: number }[] };
  expect(tree.parts.map(({ name }) => name)).toEqual(["tools", "modules", "site"]);
  expect(tree.packedBytes).toBe(readFileSync(image).length);
  expect((await mkinitrd("size", "--by", "directory", image)).out).toMatch(/^ +683\.6 KiB +1 +sbin\/cryptsetup$/m);
  expect((await mkinitrd("size", "--by", "colour", image)).code).toBe(2);
});

test("diff says what two images have that differs, and ends as diff(1) does", async () => {
  const [smaller, newer] = [join(folder, "smaller.img"), join(folder, "newer.img")];
  const changed = layers().map(({ name, entries }) => ({ name, entries: entries.filter(({ path }) => path !== MANIFEST_PATH && !path.endsWith("a.bin")).map((entry) => (entry.path === "usr/sbin/cryptsetup" ? { ...of(entry.path, entry.reason, 700_001), mode: 0o755 } : entry)) }));
  const added: PlannedLayer[] = changed.map((layer) => (layer.name === "site" ? { ...layer, entries: [...layer.entries, of("etc/crypttab", "crypttab: of the configuration", "root UUID=9f none\n"), of("usr/lib/liby.so.2", "programs: of the configuration", 4000)] } : layer));
  writeFileSync(smaller, await packed(withManifest(mergeLayers(added), { scripts, stages: [] }, { realroots: ["crypt", "lvm"] })));
  const { code, out, errors } = await mkinitrd("diff", image, smaller);
  expect([code, errors]).toEqual([1, ""]);
  expect(out.replace(/(manifest.json: content, ).*/, "$1…").replace(/^.* {2}what mkinitrd why reads\n/m, "")).toBe(example("diff"));
  expect(await mkinitrd("diff", image, image)).toMatchObject({ code: 0, out: "", errors: "" });
  expect(JSON.parse((await mkinitrd("diff", "--json", image, smaller)).out)).toMatchObject({ same: false, releases: [["6.1.0-32-amd64"], ["6.1.0-32-amd64"]] });
  expect(await mkinitrd("diff", image, join(folder, "none"))).toMatchObject({ code: 2, out: "", errors: expect.stringMatching(/no such file/) });
  expect((await mkinitrd("diff", image)).code).toBe(2);
  writeFileSync(newer, Buffer.from(readFileSync(image).toString("latin1").replaceAll("6.1.0-32-amd64", "6.1.0-33-amd64"), "latin1"));
  expect((await mkinitrd("diff", image, newer)).out).toMatch(/^kernel 6\.1\.0-32-amd64 → 6\.1\.0-33-amd64\n/);
});

/** What docs/image.md shows of a command. */
function example(command: string): string {
  return new RegExp(`\`\`\`\\n\\$ mkinitrd ${command} [^\\n]*\\n([^]*?)\`\`\``).exec(readFileSync(join(packageRoot(), "docs/image.md"), "utf8"))?.[1]?.replace("initrd.img", image) ?? "";
}
