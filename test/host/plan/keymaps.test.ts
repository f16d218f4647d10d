import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { decodeBkeymap } from "../../../src/core/formats/bkeymap.ts";
import { planKeymaps } from "../../../src/host/plan/keymaps.ts";
import { openSysroot } from "../../../src/host/plan/sysroot.ts";
import { findProgram } from "../../../tools/packages.js";
import { fixtureBytes } from "../../fixtures/fixture.ts";

const SMALL = new URL("../../fixtures/keymaps/small.map", import.meta.url);
const missing = ["loadkeys", "ckbcomp"].filter((tool) => findProgram(tool) === undefined);
const skipped = missing.length === 0 ? "" : ` (skipped, not on this machine: ${missing.join(", ")})`;

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "mkinitrd-keymaps-"));
  write("/usr/share/X11/xkb/rules/base.lst", [
    "! model", "  pc105           Generic 105-key PC", "", "! layout", "  us              English (US)", "  de              German", "  custom          A user-defined layout",
    "", "! variant", "  nodeadkeys      de: German (no dead keys)", "  dvorak-alt-intl us: English (Dvorak, alt. intl.)", "", "! option", "  grp                  Switching",
  ].join("\n"));
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(root, { recursive: true });
});

function write(path: string, content: string | Buffer): string {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), content);
  return join(root, path);
}

const plan = (...wanted: string[]) => planKeymaps(wanted, openSysroot(root));

/** What a key types in a keymap of a plan: U+ and its number; keysyms as loadkeys(1) has them. */
async function typed(planned: ReturnType<typeof plan>, name: string, table: number, keycode: number): Promise<string> {
  const entry = (await planned).entries.find(({ path }) => path === `usr/lib/mkinitrd/keymaps/${name}.bmap`);
  if (entry?.type !== "file" || !("bytes" in entry.from)) throw new Error(`no keymap ${name}`);
  const keysym = decodeBkeymap(entry.from.bytes, name).get(table)?.[keycode] ?? 0;
  const type = keysym >> 8;
  // linux/keyboard.h: KT_LATIN and KT_LETTER have a character, anything from 0xf000 on is Unicode with that flipped.
  return type === 0x00 || type === 0x0b ? String.fromCodePoint(keysym & 0xff) : String.fromCodePoint(keysym ^ 0xf000);
}
const [PLAIN, SHIFT, ALTGR] = [0, 1, 2];
const [Q, E, Z, BRACKET] = [16, 18, 21, 26]; // keycodes of the US keys q, e, y and [

test("without keymaps nothing is packed, and nothing is looked for", async () => {
  await expect(planKeymaps([], { path: root, find: () => { throw new Error("looked"); }, list: () => { throw new Error("looked"); } }))
    .resolves.toEqual({ entries: [], names: [], notes: [] });
});

test("a binary keymap is packed as it is, compressed or not, under its file's name", async () => {
  const bytes = fixtureBytes("keymaps/small.bmap.gz");
  const { entries, names } = await plan(write("/a/mine.bmap", bytes), write("/a/other.bmap.gz", gzipSync(bytes)));
  expect(names).toEqual(["mine", "other"]);
  expect(entries.map(({ path, mode, reason }) => ({ path, mode, reason }))).toEqual([
    { path: "usr/lib/mkinitrd/keymaps/mine.bmap", mode: 0o644, reason: "keymaps: of the configuration" },
    { path: "usr/lib/mkinitrd/keymaps/other.bmap", mode: 0o644, reason: "keymaps: of the configuration" },
  ]);
  expect(entries.map((entry) => (entry.type === "file" && "bytes" in entry.from ? entry.from.bytes : undefined))).toEqual([bytes, bytes]);
});

test("names of Alpine's binary keymaps are found", async () => {
  write("/usr/share/bkeymaps/de/de-mac.bmap.gz", fixtureBytes("keymaps/small.bmap.gz"));
  await expect(plan("de-mac")).resolves.toMatchObject({ names: ["de-mac"] });
});

test.each([
  { name: "dee", found: /it is none of the 4 that this machine has; those that begin like it: de, de-nodeadkeys\n {2}next: did you mean de\?/ },
  { name: "de-nodeadkey", found: /did you mean de-nodeadkeys\?/ },
  { name: "klingon", found: /it is none of the 4 that this machine has\n {2}next: write a layout of XKB/ },
  { name: "custom", found: /none of the 4/ },
])("the keymap $name, which nobody has, is an error with what is near", async ({ name, found }) => {
  await expect(plan(name)).rejects.toThrow(found);
});

test("where there are no keymaps at all, the error names the packages", async () => {
  rmSync(join(root, "usr"), { recursive: true });
  await expect(plan("de")).rejects.toThrow('finding the keymap on "de": no keymaps are on this machine, neither the console\'s nor XKB\'s\n  next: install them; on Debian: apt-get install kbd console-setup');
});

test.each([
  { program: "ckbcomp", wanted: () => "de", package: "console-setup" },
  { program: "loadkeys", wanted: () => write("/a/mine.map", readFileSync(SMALL)), package: "kbd" },
])("without $program the error names its package", async ({ program, wanted, package: name }) => {
  vi.stubEnv("PATH", root);
  await expect(plan(wanted())).rejects.toThrow(new RegExp(`converting the keymap with ${program} on .*: no such program\n {2}next: install it; on Debian: apt-get install ${name}`));
});

test.each([
  { what: "a file that is not there", file: "/a/none.map", found: /reading the keymap on .*none\.map: no such file/ },
  { what: "a damaged binary keymap", file: "/a/bad.bmap", content: "bkeymap", found: /7 bytes; the flags end at 263/ },
  { what: "a damaged gzip", file: "/a/bad.map.gz", content: "\x1f\x8b\x08 no", found: /reading the keymap on/ },
  { what: "a name that the kernel command line can't have", file: "/a/my map.bmap", content: fixtureBytes("keymaps/small.bmap.gz"), found: /"my map": a name has letters/ },
])("$what is an error", async ({ file, content, found }) => {
  const path = content === undefined ? join(root, file) : write(file, typeof content === "string" ? Buffer.from(content, "latin1") : content);
  await expect(plan(path)).rejects.toThrow(found);
});

test("a pipe is an error, and nobody waits for what is written to it", async () => {
  execFileSync("mkfifo", [join(root, "pipe.map")]);
  await expect(plan(join(root, "pipe.map"))).rejects.toThrow(/reading the keymap on .*pipe\.map: .*it is a pipe/);
});

describe.skipIf(missing.length > 0)(`with loadkeys and ckbcomp${skipped}`, () => {
  test("a keymap file is converted with Unicode keysyms, as loadkeys does it", async () => {
    const { entries } = await plan(write("/a/mine.map.gz", gzipSync(readFileSync(SMALL))));
    const { stdout } = spawnSync("loadkeys", ["-q", "-u", "-b", SMALL.pathname]);
    expect(entries[0]).toMatchObject({ path: "usr/lib/mkinitrd/keymaps/mine.bmap", from: { bytes: stdout } });
  });

  test("a layout of XKB is converted, and its variant is another one", async () => {
    const planned = plan("de", "de-nodeadkeys", "us");
    expect((await planned).names).toEqual(["de", "de-nodeadkeys", "us"]);
    await expect(Promise.all([typed(planned, "de", PLAIN, Z), typed(planned, "de", SHIFT, BRACKET), typed(planned, "de", ALTGR, E), typed(planned, "de", ALTGR, Q)])).resolves.toEqual(["z", "Ü", "€", "@"]);
    await expect(typed(planned, "us", PLAIN, Z)).resolves.toBe("y");
    const keymap = async (name: string) => (await planned).entries.find(({ path }) => path.endsWith(`/${name}.bmap`));
    expect(await keymap("de-nodeadkeys")).not.toMatchObject({ from: (await keymap("de") as { from: object }).from });
  });

  test("Caps Lock is the one that a keyboard's light shows", async () => {
    const planned = plan("de");
    await expect(typed(planned, "de", PLAIN, 58)).resolves.toBe(String.fromCodePoint(0x0207 ^ 0xf000)); // Caps_Lock
  });

  test("a keymap of the console comes before XKB's layout of that name, and that of a PC before that of a Mac", async () => {
    write("/usr/share/keymaps/i386/qwertz/de.kmap.gz", gzipSync("keymaps 0\nkeycode 16 = x\nkeycode 28 = Return\n"));
    write("/usr/share/keymaps/amiga/de.kmap", "keymaps 0\nkeycode 16 = y\nkeycode 28 = Return\n");
    write("/usr/share/keymaps/i386/include/us.inc", "keycode 16 = z\n");
    await expect(typed(plan("de"), "de", PLAIN, Q)).resolves.toBe("x");
  });

  test.each([
    { what: "no keymap", content: "this is no keymap\n", found: /converting the keymap with loadkeys on .*: it ended with 1: .*syntax error/ },
    { what: "some keys only", content: "keycode 58 = Escape\n", found: /it has no Enter key\n {2}next: name a whole keymap/ },
    { what: "an include that is not there", content: 'include "nowhere"\nkeycode 28 = Return\n', found: /converting the keymap with loadkeys/ },
  ])("a file with $what is refused", async ({ content, found }) => {
    await expect(plan(write("/a/mine.map", content))).rejects.toThrow(found);
  });

  describe("auto", () => {
    test.each([
      { file: "/etc/default/keyboard", text: 'XKBMODEL="pc105"\nXKBLAYOUT="de,us"\nXKBVARIANT="nodeadkeys,"\nXKBOPTIONS="grp:alt_shift_toggle,terminate:ctrl_alt_bksp"\n', names: ["de-nodeadkeys", "us"], from: "XKBLAYOUT of /etc/default/keyboard" },
      { file: "/etc/default/keyboard", text: "# keyboard(5)\nXKBLAYOUT=de # German\n", names: ["de"], from: "XKBLAYOUT of /etc/default/keyboard" },
      { file: "/etc/vconsole.conf", text: "KEYMAP='small'\nXKBLAYOUT=us\n", names: ["small"], from: "KEYMAP of /etc/vconsole.conf" },
      { file: "/etc/vconsole.conf", text: "KEYMAP=/opt/mine.map\n", names: ["mine"], from: "KEYMAP of /etc/vconsole.conf" },
    ])("of $file is $names", async ({ file, text, names, from }) => {
      write(file, text);
      for (const path of ["/usr/share/kbd/keymaps/small.map", "/opt/mine.map"]) write(path, readFileSync(SMALL));
      await expect(plan("auto")).resolves.toMatchObject({ names, notes: [`keymap ${names.join(", ")}: ${from}`] });
    });

    test("takes /etc/default/keyboard before /etc/vconsole.conf, and names what else is wanted once", async () => {
      write("/etc/default/keyboard", 'XKBLAYOUT="de"\n');
      write("/etc/vconsole.conf", "KEYMAP=us\n");
      await expect(plan("auto", "us", "de")).resolves.toMatchObject({ names: ["de", "us"] });
    });

    test("follows the links of the sysroot, as Debian's vconsole.conf is one", async () => {
      write("/etc/default/keyboard.real", 'XKBLAYOUT="de"\n');
      symlinkSync("/etc/default/keyboard.real", join(root, "etc/vconsole.conf"));
      await expect(plan("auto")).resolves.toMatchObject({ names: ["de"], notes: ["keymap de: XKBLAYOUT of /etc/vconsole.conf"] });
    });

    test.each([{ text: undefined }, { text: 'XKBLAYOUT=""\nKMAP=\n' }])("of a machine that names none ($text) packs none, and says so", async ({ text }) => {
      if (text !== undefined) write("/etc/default/keyboard", text);
      await expect(plan("auto")).resolves.toEqual({ entries: [], names: [], notes: ["keymaps: auto: neither /etc/default/keyboard nor /etc/vconsole.conf names a layout; the kernel's own is US"] });
    });

    test("with a layout that XKB does not have is an error", async () => {
      write("/etc/default/keyboard", 'XKBLAYOUT="de"\nXKBVARIANT="nosuch"\n');
      await expect(plan("auto")).rejects.toThrow(/making a keymap of XKB's layout on de\(nosuch\): Can not find "nosuch" in "de"/);
    });
  });
});
