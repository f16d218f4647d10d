import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { openFileMemo } from "../../../src/host/file-memo.ts";
import { compareReleases, readKernel } from "../../../src/host/plan/kernel.ts";
import { readHostFacts } from "../../../src/host/plan/read-facts.ts";

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "facts-"));
  for (const path of ["package/dist/image/rc.d", "package/rc.d", "modules/6.1.0-9", "modules/6.1.0-56", "modules/empty"]) mkdirSync(join(directory, path), { recursive: true });
  for (const release of ["6.1.0-9", "6.1.0-56"]) for (const name of ["modules.dep", "modules.alias"]) writeFileSync(join(directory, "modules", release, name), "");
  writeFileSync(join(directory, "package/dist/image/rc.d/devices.js"), "// MODULES: dm_mod\nexport default async () => {};\n");
  writeFileSync(join(directory, "package/rc.d/devices.ts"), "");
  writeFileSync(join(directory, "package/dist/image/rc.d/make-disk.js"), "// REQUIRE: devices\n");
});
afterEach(() => rmSync(directory, { recursive: true }));

test("our own scripts are read from the bundle; what is not of rc.d is for making disks", () => {
  const { scripts } = facts([]);
  expect(scripts.map(({ name, source, origin }) => ({ name, source, origin }))).toEqual([
    { name: "devices", source: "rc.d/devices.ts", origin: "rc.d" },
    { name: "make-disk", source: "images/make-disk.ts", origin: "images" },
  ]);
  expect(scripts[0]?.header.modules).toEqual([{ name: "dm_mod", optional: false }]);
});

test("a user's script keeps its text, and its types become blanks", () => {
  const path = write("hello.ts", '// REQUIRE: devices\nimport type { Context } from "../src/core/rc/types.ts";\nexport default async function run(ctx: Context): Promise<void> {}\n');
  const script = facts([path]).scripts.at(-1);
  expect(script).toMatchObject({ name: "hello", source: path, origin: "configuration", header: { require: ["devices"] } });
  const code = script !== undefined && "bytes" in script.from ? script.from.bytes.toString() : "";
  expect(code.split("\n")).toHaveLength(4);
  expect(code).toMatch(/async function run\(ctx\s*\)\s*\{\}/);
  expect(code).not.toContain("import");
});

describe("a user's script is refused", () => {
  test.each([
    { what: "that imports what the image does not have", text: 'import { x } from "./x.ts";\nx();\n', found: /it imports .\/x.ts, which is not in the image\n  next: import types only/ },
    { what: "that needs more than types removed", text: "enum A { B }\n", found: /reading the rc script on .*: / },
    { what: "whose header is wrong", text: "// REQIRE: devices\n", found: /REQIRE/ },
  ])("$what", ({ text, found }) => {
    expect(() => facts([write("wrong.ts", text)])).toThrow(found);
  });

  test("that is not there", () => {
    expect(() => facts(["/no/such.ts"])).toThrow(/\/no\/such.ts: no such file\n  next: correct scripts:/);
  });
});

test("without a bundle the way to make one is named", () => {
  rmSync(join(directory, "package/dist"), { recursive: true });
  expect(() => facts([])).toThrow(/next: npm run build/);
});

test("a sysroot that is no directory is an error", () => {
  expect(() => facts([], join(directory, "package/rc.d/devices.ts"))).toThrow(/reading the sysroot on .*devices\.ts: there is no such directory\n  next: name another one: --sysroot DIR/);
});

test("the newest kernel is taken, by numbers and not by letters", () => {
  expect(readKernel(join(directory, "modules"), undefined).release).toBe("6.1.0-56");
  expect(["6.12.1", "6.1.0-56", "6.1.0-9", "5.10"].sort(compareReleases)).toEqual(["5.10", "6.1.0-9", "6.1.0-56", "6.12.1"]);
});

test.each([
  { directory: "modules", release: "6.1.0-57", found: /there is only 6.1.0-9, 6.1.0-56\n  next: did you mean --kernel 6.1.0-56\?/ },
  { directory: "package/rc.d/devices.ts", release: undefined, found: /no kernel has modules there/ },
  { directory: "nowhere", release: undefined, found: /no kernel has modules there\n  next: .*--modules-directory/ },
])("a kernel that is not there is an error: $release in $directory", ({ directory: name, release, found }) => {
  expect(() => readKernel(join(directory, name), release)).toThrow(found);
});

function facts(scripts: string[], sysroot = "/") {
  return readHostFacts({
    sysroot, modulesDirectory: join(directory, "modules"), nodeBinary: process.execPath, packageRoot: join(directory, "package"),
    scripts, machine: true, memo: openFileMemo(join(directory, "memo.json")),
  });
}

function write(name: string, text: string): string {
  const path = join(directory, name);
  writeFileSync(path, text);
  return path;
}
