import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { packageRoot } from "../../../src/host/package-root.ts";
import type { ScriptFile } from "../../../src/host/plan/facts.ts";
import { readUserScripts } from "../../../src/host/scripts/scripts.ts";
import { bundle } from "../../../tools/bundle.js";

let directory: string;
beforeAll(async () => void (await bundle())); // dist/rc is what scripts import as mkinitrd/rc
beforeEach(() => { directory = realpathSync(mkdtempSync(join(tmpdir(), "mkinitrd-scripts-"))); });
afterEach(() => rmSync(directory, { recursive: true }));

const STEP = "// REQUIRE: devices\n";
const RUN = "export default async function run() {}\n";

test("a script that imports types and Node's own modules keeps its text, with blanks for the types", async () => {
  const [script] = await read(write("hello.ts", `${STEP}import type { Context } from "mkinitrd/rc";\nimport { readFile } from "node:fs/promises";\nimport "fs";\nexport default async function run(ctx: Context): Promise<void> { void readFile; }\n`));
  expect(script).toMatchObject({ name: "hello", source: join(directory, "hello.ts"), origin: "configuration", header: { require: ["devices"] } });
  const lines = code(script).split("\n");
  expect(lines).toHaveLength(6);
  expect(lines[0]).toBe("// REQUIRE: devices");
  expect(lines[1]?.trim()).toBe("");
  expect(lines[4]).toMatch(/^export default async function run\(ctx\s*\)\s*\{ void readFile; \}$/);
});

describe("a script that imports others", () => {
  test("is one file with what it imports from its folder, of npm and of ours, its header in front", async () => {
    install("left", { "index.js": 'exports.pad = (text) => ` ${text}`;\nif (process.env.NODE_ENV !== "production") throw new Error("development");\n' });
    write("lib/more.ts", 'export const more: string = "more";\n');
    const path = write("own.ts", `// KEYWORD: own\n// FIELDS: device options\nimport { pad } from "left";\nimport { more } from "./lib/more.ts";\nimport { type Context, MkinitrdError, u32le } from "mkinitrd/rc";\nexport default async function run(ctx: Context): Promise<string> { return pad(more) + u32le(0).lengthBytes + MkinitrdError.name; }\n`);
    const [script] = await read(path);
    expect(code(script)).toMatch(/^\/\/ KEYWORD: own\n\/\/ FIELDS: device options\n/);
    expect(code(script)).not.toMatch(/from "(?!node:)|require\("left/);
    const file = write("elsewhere/script.mjs", code(script));
    const { default: run } = await import(file) as { default: () => Promise<string> };
    await expect(run()).resolves.toBe(" more4MkinitrdError");
  });

  test("has the same bytes wherever it lies", async () => {
    const codes = [];
    for (const folder of ["here", "some/where/else"]) {
      install("left", { "index.js": "export const pad = 1;\n" }, folder);
      codes.push(code((await read(write(`${folder}/own.js`, `${STEP}import { pad } from "left";\nimport { hex32 } from "mkinitrd/rc";\nexport default async () => hex32(pad);\n`)))[0]));
    }
    expect(codes[0]).toBe(codes[1]);
    expect(codes[0]).not.toContain(directory);
  });
});

describe("a script that was read before is taken from the cache", () => {
  beforeEach(() => {
    vi.useFakeTimers({ now: Date.now() + 60_000, toFake: ["Date"] }); // what it is made from is old enough to be kept
    install("left", { "index.js": "export const pad = 1;\n" });
    write("more.js", "export const more = 1;\n");
    write("own.js", `${STEP}import { pad } from "left";\nimport { more } from "./more";\nexport default async () => [pad, more];\n`);
  });
  afterEach(() => void vi.useRealTimers());
  const path = () => join(directory, "own.js");
  const cached = () => readdirSync(join(directory, "cache")).filter((name) => name.endsWith(".json"));

  test("with nothing changed, without a bundler", async () => {
    const [first] = await read(path());
    const [name = ""] = cached();
    utimesSync(join(directory, "cache", name), 1, 1);
    const [second] = await read(path());
    expect(code(second)).toBe(code(first));
    expect(cached()).toEqual([name]);
  });

  test.each([
    { what: "what it imports", change: () => write("more.js", "export const more = 22;\n"), shows: /22/ },
    { what: "a package in place", change: () => install("left", { "index.js": "export const pad = 33;\n" }), shows: /33/ },
    { what: "a file that is found before", change: () => { rmSync(join(directory, "more.js")); write("more/index.js", "export const more = 44;\n"); }, shows: /44/ },
  ])("but not when $what has changed", async ({ change, shows }) => {
    expect(code((await read(path()))[0])).not.toMatch(shows);
    change();
    expect(code((await read(path()))[0])).toMatch(shows);
  });

  test.each([
    { what: "a folder", link: "lib", one: "v1", two: "v2", specifier: "./lib/v.js" },
    { what: "a folder further down", link: "sub/lib", one: "v1", two: "v2", specifier: "./sub/lib/v.js" },
    { what: "a package", link: "node_modules/pk", one: "v1", two: "v2", specifier: "pk/v.js" },
    { what: "a package of an owner", link: "node_modules/@me/pk", one: "v1", two: "v2", specifier: "@me/pk/v.js" },
  ])("nor when a link to $what leads elsewhere", async ({ link, one, two, specifier }) => {
    for (const each of [one, two]) write(`${each}/v.js`, `export const v = "${each}";\n`);
    write(`${one}/package.json`, "{}");
    write(`${two}/package.json`, "{}");
    mkdirSync(dirname(join(directory, "rc", link)), { recursive: true });
    symlinkSync(join(directory, one), join(directory, "rc", link));
    write("rc/own.js", `${STEP}import { v } from "${specifier}";\nexport default async () => v;\n`);
    expect(code((await read(join(directory, "rc/own.js")))[0])).toContain(one);
    expect(cached()).toHaveLength(1);
    rmSync(join(directory, "rc", link));
    symlinkSync(join(directory, two), join(directory, "rc", link));
    expect(code((await read(join(directory, "rc/own.js")))[0])).toContain(two);
  });

  test("nor when a byte of what is kept is another one", async () => {
    const [first] = await read(path());
    const file = join(directory, "cache", cached()[0] ?? "");
    writeFileSync(file, readFileSync(file, "utf8").replace("more", "mare"));
    expect(code((await read(path()))[0])).toBe(code(first));
  });

  test("nor what was written to a moment ago: who knows which of the two was bundled", async () => {
    vi.useRealTimers();
    await read(path());
    expect(existsSync(join(directory, "cache")) ? cached() : []).toEqual([]);
  });

  test("nor when what is kept was cut short", async () => {
    const [first] = await read(path());
    writeFileSync(join(directory, "cache", cached()[0] ?? ""), '{"code":');
    expect(code((await read(path()))[0])).toBe(code(first));
  });
});

describe("a directory", () => {
  test("stands for all scripts in it, but not for tests, declarations and subdirectories", async () => {
    for (const name of ["b.ts", "a.js"]) write(`rc.local/${name}`, STEP + RUN);
    for (const name of ["b.test.ts", "b.spec.js", "types.d.ts", ".hidden.ts", "README.md", "lib/c.ts"]) write(`rc.local/${name}`, "no script\n");
    expect((await read(join(directory, "rc.local"))).map(({ name }) => name)).toEqual(["a", "b"]);
  });

  test("with a script that is a link to nowhere is an error: a boot step would be gone", async () => {
    write("rc.local/a.js", STEP + RUN);
    symlinkSync("nowhere", join(directory, "rc.local/b.ts"));
    await expect(read(join(directory, "rc.local"))).rejects.toThrow(/looking for rc scripts on .*b\.ts: it is a link that leads nowhere/);
  });

  test("a byte order mark in front of the header is no part of it", async () => {
    write("own.ts", `\uFEFF${STEP}${RUN}`);
    expect(await read(join(directory, "own.ts"))).toHaveLength(1);
  });

  test("without scripts is an error", async () => {
    write("rc.local/README.md", "");
    await expect(read(join(directory, "rc.local"))).rejects.toThrow(/looking for rc scripts on .*rc\.local: no \.ts or \.js file is in this directory\n  next: correct scripts:/);
  });
});

test.each([
  { what: "is not there", name: "x.ts", text: undefined, found: /x\.ts: no such file\n  next: correct scripts:/ },
  { what: "is no script by its name", name: "x.sh", text: "true\n", found: /x\.sh: it is neither a directory nor a \.ts or \.js file/ },
  { what: "has a name that no other could require", name: "my x.ts", text: STEP + RUN, found: /my x\.ts: "my x" can't be a script's name\n  next: name the file by letters/ },
  { what: "has no header", name: "x.ts", text: RUN, found: /reading the rc script on .*x\.ts: it has no header \(.*\): it is neither a boot step nor a realroot kind\n  next: begin it with \/\/ REQUIRE: devices .* or with \/\/ KEYWORD: NAME/ },
  { what: "has its header behind the code", name: "x.ts", text: `${RUN}${STEP}`, found: /it has no header/ },
  { what: "does not say what it is", name: "x.ts", text: `// MODULES: nbd\n${RUN}`, found: /none of PROVIDE, REQUIRE, BEFORE and KEYWORD is in its header/ },
  { what: "has a wrong word in its header", name: "x.ts", text: `// REQIRE: devices\n${RUN}`, found: /reading the header of .*x\.ts on line 1: the word "REQIRE".*\n  next: did you mean REQUIRE\?/ },
  { what: "is no JavaScript", name: "x.js", text: `${STEP}\nconst x = = 3;\n${RUN}`, found: /x\.js at line 3, column 11: Expression expected/ },
  { what: "is no TypeScript", name: "x.ts", text: `${STEP}\t\tconst x: = 3;\n${RUN}`, found: /x\.ts at line 2, column 12: Unexpected token/ },
  { what: "has more than types to be removed", name: "x.ts", text: `${STEP}  enum A { B }\n${RUN}`, found: /x\.ts at line 2, column 3: TypeScript enum is not supported.*\n  next: types alone are removed/ },
  { what: "imports a file that is not there", name: "x.ts", text: `${STEP}import { y } from "./y.ts";\nvoid y;\n${RUN}`, found: /bundling the rc script on .*x\.ts at line 2, column 19: nothing is there for the import of '\.\/y\.ts'$/m },
  { what: "imports a package that is not installed", name: "x.ts", text: `${STEP}import y from "@no/such/file";\nvoid y;\n${RUN}`, found: /x\.ts at line 2, column 15: nothing is there for the import of '@no\/such\/file'\n  next: install it beside the script: npm install @no\/such$/ },
  { what: "imports while it runs what is not there", name: "x.js", text: `${STEP}export default async () => {\n  await import("./y.js");\n};\n`, found: /x\.js at line 3, column 16: nothing is there/ },
  { what: "imports what a file does not export", name: "x.ts", text: `${STEP}import { nope } from "./z.ts";\nvoid nope;\n${RUN}`, found: /x\.ts at line 2, column 10: .*"?nope"? is not exported by/ },
  { what: "imports the test helper", name: "x.ts", text: `${STEP}import { createTestContext } from "mkinitrd/rc/test";\nvoid createTestContext;\n${RUN}`, found: /x\.ts: it imports mkinitrd\/rc\/test, which is for tests\n  next: import it in NAME\.test\.ts/ },
  { what: "has a native addon", name: "x.ts", text: `${STEP}import y from "./addon.node";\nvoid y;\n${RUN}`, found: /addon\.node at line 1, column 1: a native addon: only JavaScript can be packed/ },
  { what: "throws while it is loaded", name: "x.ts", text: `${STEP}const table: Record<string, string> = {};\n\nconst length = table["x"].length;\nvoid length;\n${RUN}`, found: /x\.ts at line 4, column 27: it throws while it is loaded: TypeError: Cannot read properties of undefined \(reading 'length'\)\n  next: leave to run\(ctx\)/ },
  { what: "imports one that throws while it is loaded", name: "x.ts", text: `${STEP}import { y } from "./thrower.ts";\nvoid y;\n${RUN}`, found: /lib\/deep\.ts at line 3, column 9: it throws while it is loaded: Error: no luck/ },
  { what: "writes while it is loaded", name: "x.js", text: `${STEP}import { writeFileSync } from "node:fs";\nwriteFileSync(new URL("canary", import.meta.url), "");\n${RUN}`, found: /x\.js at line 3, column 1: while it is loaded it writes, runs a program or uses the network/ },
  { what: "runs a program while it is loaded", name: "x.js", text: `${STEP}import { execFileSync } from "node:child_process";\nexecFileSync("true");\n${RUN}`, found: /x\.js at line 3, column 1: while it is loaded it writes, runs a program/ },
  { what: "ends the process while it is loaded", name: "x.js", text: `${STEP}process.exit(3);\n${RUN}`, found: /x\.js: it ended the process that loads it/ },
  { what: "awaits while it is loaded", name: "x.ts", text: `${STEP}const x = await Promise.resolve(3);\nvoid x;\n${RUN}`, found: /x\.ts at line 2, column 11: it awaits while it is loaded\n  next: await in run\(ctx\)/ },
  { what: "gives nothing to run", name: "x.ts", text: `${STEP}export const run = 3;\n`, found: /x\.ts: it has no default export\n  next: export default async function run/ },
  { what: "gives no function to run", name: "x.ts", text: `${STEP}export default 3;\n`, found: /its default export is no function, but of the type number/ },
])("a script that $what is refused", async ({ name, text, found }) => {
  write("z.ts", "export const z = 1;\n");
  write("addon.node", "\x7fELF");
  write("thrower.ts", 'import { deep } from "./lib/deep.ts";\nexport const y = deep();\n');
  write("lib/deep.ts", 'type Deep = string;\nexport function deep(): Deep {\n  throw new Error("no luck");\n}\n');
  const path = join(directory, name);
  if (text !== undefined) write(name, text);
  const { message } = await read(path).then(() => new Error("it was taken"), (error: Error) => error);
  expect(message).toMatch(found);
  for (const [file = ""] of message.matchAll(/\/\S+\.(ts|js|node)(?= at line)/g)) expect(existsSync(file)).toBe(true);
  expect(existsSync(join(directory, "canary"))).toBe(false);
});

test("a script behind a link finds the packages beside the file itself", async () => {
  install("left", { "index.js": "export const pad = 1;\n" }, "real");
  write("real/own.js", `${STEP}import { pad } from "left";\nexport default async () => pad;\n`);
  symlinkSync(join(directory, "real/own.js"), join(directory, "linked.js"));
  expect(await read(join(directory, "linked.js"))).toMatchObject([{ name: "linked", source: join(directory, "linked.js") }]);
});

function read(...scripts: string[]): Promise<ScriptFile[]> {
  return readUserScripts({ scripts, packageRoot: packageRoot(), cacheDirectory: join(directory, "cache") });
}

function code(script: ScriptFile | undefined): string {
  return script !== undefined && "bytes" in script.from ? script.from.bytes.toString() : "";
}

function install(name: string, files: Record<string, string>, folder = "."): void {
  write(`${folder}/node_modules/${name}/package.json`, JSON.stringify({ name, version: "1.0.0", main: "index.js" }));
  for (const [file, text] of Object.entries(files)) write(`${folder}/node_modules/${name}/${file}`, text);
}

function write(name: string, text: string): string {
  const path = join(directory, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
  return path;
}
