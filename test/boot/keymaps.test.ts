import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createKeymaps, startKeymap } from "../../src/boot/keymaps.ts";
import type { Exec } from "../../src/core/exec.ts";

let directory: string;
let places: { keymaps: string; current: string; active: string };
let loaded: string[];
let lines: string[];
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "keymaps-"));
  places = { keymaps: join(directory, "keymaps"), current: join(directory, "keymap"), active: join(directory, "active") };
  mkdirSync(places.keymaps);
  for (const name of ["de", "us", "fr"]) writeFileSync(join(places.keymaps, `${name}.bmap`), `the keymap ${name}`);
  writeFileSync(places.active, "tty0 ttyS0\n");
  loaded = [];
  lines = [];
});
afterEach(() => rmSync(directory, { recursive: true }));

/** In place of the program: keeps what it is given. */
const exec: Exec = async (program, args, options = {}) => {
  loaded.push(`${[program, ...args].join(" ")} <${String(options.input)}`);
  return { stdout: "", stderr: "", exitCode: 0 };
};
const create = (keymaps: string[] | undefined = ["de", "us", "fr"], run = exec) => createKeymaps({ ...(keymaps === undefined ? {} : { keymaps }) }, run, places);
const log = { debug: (text: string) => void lines.push(text), warn: (text: string) => void lines.push(`warning: ${text}`) };
const start = (keymaps = create(), commandLine = "", sealed = false) => startKeymap(keymaps, { commandLine, sealed, log }, places);

describe("apply", () => {
  test("hands the keymap to loadkmap, and it is the current one", async () => {
    const keymaps = create();
    expect(keymaps).toMatchObject({ names: ["de", "us", "fr"], current: undefined });
    await keymaps.apply("fr");
    expect(loaded).toEqual(["loadkmap <the keymap fr"]);
    expect(keymaps.current).toBe("fr");
  });

  test.each([
    { name: "ud", found: 'changing the keyboard layout on "ud": this image has de, us, fr\n  next: did you mean us?' },
    { name: "../../etc/passwd", found: "this image has de, us, fr\n  next: add it to keymaps: in mkinitrd.config.yaml" },
  ])("refuses $name, which the image does not have", async ({ name, found }) => {
    await expect(create().apply(name)).rejects.toThrow(found);
    expect(loaded).toEqual([]);
  });

  test("says why it failed, and the current one stays", async () => {
    let works = true;
    const keymaps = create(undefined, async (...words) => {
      if (works) return exec(...words);
      throw new Error("no keyboard");
    });
    await keymaps.apply("us");
    works = false;
    await expect(keymaps.apply("fr")).rejects.toThrow('changing the keyboard layout on "fr": Error: no keyboard');
    expect(keymaps.current).toBe("us");
  });
});

describe("a boot", () => {
  test("begins with the image's first", async () => {
    await start();
    expect(loaded).toEqual(["loadkmap <the keymap de"]);
    expect(lines).toEqual(["keyboard layout de"]);
  });

  test.each(["mkinitrd.keymap=fr", "vconsole.keymap=us rd.vconsole.keymap=fr", "quiet keymap=fr -- keymap=us", "realroot=frob keymap=fr"])("begins with the one that '%s' names", async (commandLine) => {
    await start(create(), commandLine);
    expect(loaded).toEqual(["loadkmap <the keymap fr"]);
  });

  test("begins with the first when the image does not have the one that is asked for, and says so", async () => {
    await start(create(), "vconsole.keymap=es");
    expect(loaded).toEqual(["loadkmap <the keymap de"]);
    expect(lines[0]).toBe('warning: the keymap "es" of the kernel command line is not in this image, which has de, us, fr: de is used');
  });

  test("of a sealed image takes no word of the command line", async () => {
    await start(create(), "mkinitrd.keymap=fr", true);
    expect(loaded).toEqual(["loadkmap <the keymap de"]);
  });

  test("keeps after a retry what was chosen before", async () => {
    await create().apply("fr");
    const keymaps = create();
    expect(keymaps.current).toBe("fr");
    await start(keymaps);
    expect(loaded).toEqual(["loadkmap <the keymap fr"]);
  });

  test.each([{ active: "ttyS0 hvc0\n" }, { active: "" }])("loads nothing where the consoles are '$active'", async ({ active }) => {
    writeFileSync(places.active, active);
    await start();
    expect(loaded).toEqual([]);
  });

  test("of an image without keymaps reads nothing and has none", async () => {
    const unread = () => { throw new Error("a place was asked for"); };
    const nowhere = Object.defineProperties({ ...places }, Object.fromEntries(Object.keys(places).map((place) => [place, { get: unread }])));
    const keymaps = createKeymaps({}, exec, nowhere);
    await startKeymap(keymaps, { commandLine: "", sealed: false, log }, nowhere);
    expect(keymaps).toMatchObject({ names: [], current: undefined });
    expect([...loaded, ...lines]).toEqual([]);
  });

  test("goes on when the keymap can't be loaded", async () => {
    rmSync(join(places.keymaps, "de.bmap"));
    await start();
    expect(lines[0]).toMatch(/^warning: changing the keyboard layout on "de": .*no such file/);
  });
});

test("what is current is readable for the next program of this boot alone", async () => {
  await create().apply("us");
  expect(readFileSync(places.current, "utf8")).toBe("us\n");
});
