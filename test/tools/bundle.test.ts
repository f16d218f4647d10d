import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { repository } from "../../tools/paths.js";

const run = promisify(execFile);
let folder = "";

/** A small repository with our tools, a boot program that draws a screen later, and two rc scripts. */
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "mkinitrd-bundle-"));
  for (const path of ["tools", "package.json", "package-lock.json", "tsconfig.json"]) {
    await cp(join(repository, path), join(folder, path), { recursive: true });
  }
  await symlink(join(repository, "node_modules"), join(folder, "node_modules"));
  const sources = {
    "src/core/shared.ts": "/** Shared. */\nexport const shared: string = `shared ${process.pid > 0}`;",
    "src/boot/main.ts":
      'import { createRequire } from "node:module";\nimport { shared } from "../core/shared.ts";\nimport { draw } from "./tui/screen.tsx";\n' +
      "if (process.argv[2]) createRequire(__filename)(process.argv[2]).default();\n" +
      "else { console.log(shared); void draw().then(console.log); }",
    "src/boot/tui/layout.ts": await readFile(join(repository, "src/boot/tui/layout.ts"), "utf8"),
    "src/boot/tui/screen.tsx":
      'import { renderToString, Text } from "ink";\nimport { startLayout } from "./layout.ts";\n' +
      "export const draw = async (): Promise<string> => (await startLayout(), renderToString(<Text>drawn</Text>));",
    "src/host/cli/main.ts": 'import { shared } from "../../core/shared.ts";\nconsole.log("host", shared);',
    "rc.d/plain.ts":
      '// KEYWORD: plain\nimport type { A } from "x";\n\n// why\nexport default (a: A): void => console.log("plain");',
    "rc.d/sharing.ts":
      '// KEYWORD: sharing\n// REQUIRE: plain\nimport { shared } from "../src/core/shared.ts";\n' +
      "export default () => console.log(shared);",
  };
  for (const [path, text] of Object.entries(sources)) {
    await mkdir(join(folder, path, ".."), { recursive: true });
    await writeFile(join(folder, path), text);
  }
}, 30_000);

afterAll(() => rm(folder, { recursive: true }));

const bundle = () => run(process.execPath, [join(folder, "tools/bundle.js")]);
const start = async (path: string, ...args: string[]) =>
  (await run(process.execPath, [join(folder, "dist", path), ...args], { env: {} })).stdout;
const made = (path: string) => readFile(join(folder, "dist", path), "utf8");

test("two bundlers at once make one whole result", async () => {
  await Promise.all([bundle(), bundle()]);
  expect(await start("image/boot.cjs")).toBe("shared true\ndrawn\n");
  expect(await start("host/mkinitrd.js")).toBe("host shared true\n");
}, 30_000);

test("the boot program holds React without what is for its developers", async () => {
  expect(await made("image/boot.cjs")).not.toContain("checkPropTypes"); // React's development build
});

test("the boot program's text is ASCII, so that Node holds it with one byte a character", async () => {
  expect(await readFile(join(repository, "dist/image/boot.cjs"), "utf8")).not.toMatch(/[^\0-\x7f]/);
});

test("loading the boot program neither starts WebAssembly, nor loads Node's HTTP client or the tables of emoji sequences", async () => {
  const path = JSON.stringify(join(folder, "dist/image/boot.cjs"));
  const loaded = "process.moduleLoadList.filter((name) => /undici/.test(name)).length";
  const { stdout } = await run(process.execPath, ["-e", `delete globalThis.WebAssembly; process.argv[2] = "node:os"; try { require(${path}) } catch {}; console.log(${loaded})`]);
  expect(stdout).toBe("0\n");
  expect(await made("image/boot.cjs")).not.toContain("/^\\p{RGI_Emoji}$/v");
});

test("an rc script keeps its header and comments, and our names", async () => {
  expect(await made("image/rc.d/plain.js")).toBe('// KEYWORD: plain\n\n// why\nexport default (a) => console.log("plain");');
  expect(await made("image/rc.d/sharing.js")).toMatch(/^\/\/ KEYWORD: sharing\n\/\/ REQUIRE: plain\n/);
  expect(await start("image/boot.cjs", "./rc.d/sharing.js")).toBe("shared true\n");
});

test("what nobody changed is not made again, and a change makes only what it touches", async () => {
  const before = await run("stat", ["-c", "%Y.%i", join(folder, "dist/host/mkinitrd.js")]);
  await bundle();
  await writeFile(join(folder, "rc.d/plain.ts"), "// KEYWORD: plain\nexport default () => {};\n");
  await rm(join(folder, "rc.d/sharing.ts"));
  await bundle();
  expect(await made("image/rc.d/plain.js")).toContain("() => {}");
  await expect(made("image/rc.d/sharing.js")).rejects.toThrow(/ENOENT/);
  expect(await run("stat", ["-c", "%Y.%i", join(folder, "dist/host/mkinitrd.js")])).toEqual(before);
}, 30_000);

test.each([
  { what: "is empty", damage: (file: string) => writeFile(file, "") },
  { what: "holds zeros", damage: async (file: string) => writeFile(file, Buffer.alloc((await readFile(file)).length)) },
  { what: "is gone", damage: (file: string) => rm(file) },
])("a made file that $what is made again", async ({ damage }) => {
  for (const path of ["host/mkinitrd.js", "image/boot.cjs"]) await damage(join(folder, "dist", path));
  await bundle();
  expect(await start("host/mkinitrd.js")).toBe("host shared true\n");
  expect(await start("image/boot.cjs")).toBe("shared true\ndrawn\n");
}, 60_000);

test("a source that does not parse is an error with its place, and dist stays as it was", async () => {
  await writeFile(join(folder, "src/core/shared.ts"), "export const shared = ;");
  await expect(bundle()).rejects.toThrow(/shared\.ts/);
  expect(await start("host/mkinitrd.js")).toBe("host shared true\n");
}, 30_000);
