// Makes dist/host (the command line), dist/image (what runs in the image) and dist/rc (`mkinitrd/rc`, for scripts of others). Runs under the pinned Node; bundle.js
// starts it, holding the lock, and writes the stamp.
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join, relative } from "node:path";
import { rolldown } from "rolldown";
import { minifySync } from "rolldown/utils";
import { dist, repository } from "./paths.js";
import { quickStart } from "./quick-start.js";
import { stripTypes } from "./strip-types.js";

/** Without it Node parses each file as CommonJS first. */
const MODULE_PACKAGE = '{ "type": "module" }\n';

/** @typedef {Map<string, string>} Files text by path */

try {
  const [host, image, rc] = await Promise.all([hostFiles(), imageFiles(), rcFiles()]);
  rmSync(join(dist, ".stamp"), { force: true });
  replaceTree(join(dist, "host"), host);
  replaceTree(join(dist, "image"), image);
  replaceTree(join(dist, "rc"), rc);
} catch (error) {
  process.stderr.write(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}

/** The command line: `mkinitrd.js`, and a chunk for each command. The bundler and the reader of ext4 stay packages of their own: a native program, and one with WebAssembly in it. */
async function hostFiles() {
  const files = await bundleFiles(inputs({ mkinitrd: "src/host/cli/main.ts" }), {
    external: [/^(rolldown|ext2fs)(\/|$)/],
    banner: (chunk) => (chunk.isEntry ? "#!/usr/bin/env node" : ""),
  });
  return files.set("package.json", MODULE_PACKAGE);
}

/** The boot program, and one readable file per rc script. */
async function imageFiles() {
  const files = await bundleFiles(inputs({ boot: "src/boot/main.ts" }), { format: "cjs" });
  for (const { name, file, header, code } of rcScripts()) {
    // A script that needs nothing but `ctx` keeps its text; what one imports of ours it gets as a copy.
    if (!importsOurs(code)) files.set(`${name}.js`, code);
    else for (const [path, text] of await bundleFiles({ [name]: file }, { banner: () => header })) files.set(path, text);
  }
  return files.set("package.json", MODULE_PACKAGE);
}

/** What `mkinitrd/rc` and `mkinitrd/rc/test` are, with their types. */
async function rcFiles() {
  const entries = inputs({ rc: "src/core/rc/api.ts", test: "src/core/rc/testing.ts" });
  const files = await bundleFiles(entries, {});
  for (const [path, text] of declarations(Object.values(entries))) files.set(path, text);
  return files.set("package.json", MODULE_PACKAGE);
}

/**
 * The declarations of these modules and of all that they name, below types/ as the sources are below src/.
 * @param {string[]} sources
 * @returns {Files}
 */
function declarations(sources) {
  const compiler = join(repository, "node_modules/.bin/tsc");
  if (sources.length === 0 || !existsSync(compiler)) return new Map();
  const folder = mkdtempSync(join(tmpdir(), "mkinitrd-types-"));
  try {
    const project = { extends: join(repository, "tsconfig.json"), compilerOptions: { noEmit: false, declaration: true, emitDeclarationOnly: true, rootDir: join(repository, "src"), outDir: join(folder, "types"), types: ["node"], typeRoots: [join(repository, "node_modules/@types")] }, include: [], files: sources.map((file) => join(repository, file)) };
    writeFileSync(join(folder, "tsconfig.json"), JSON.stringify(project));
    const { stdout, error } = spawnSync(compiler, ["-p", folder], { encoding: "utf8" });
    // It writes what it can of sources with wrong types, too: to find these is `npm run check`'s affair.
    if (!existsSync(join(folder, "types"))) throw new Error(`making the types of mkinitrd/rc: ${error?.message ?? stdout.trim()}`);
    const made = readdirSync(join(folder, "types"), { recursive: true, encoding: "utf8" }).filter((path) => path.endsWith(".d.ts")).sort();
    // A .ts in a declaration would be looked for as a source.
    return new Map(made.map((path) => [`types/${path}`, readFileSync(join(folder, "types", path), "utf8").replace(/(["'])(\.\.?\/[^"']+)\.tsx?\1/g, "$1$2.js$1")]));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Boot steps and realroot kinds of rc.d, and the steps that images/ adds for making disks. */
function rcScripts() {
  return ["rc.d", "images"].flatMap((folder) => {
    if (!existsSync(join(repository, folder))) return [];
    const names = readdirSync(join(repository, folder)).filter((name) => name.endsWith(".ts"));
    return names.sort().map((name) => {
      const file = `${folder}/${name}`;
      const source = readFileSync(join(repository, file), "utf8");
      return {
        name: `rc.d/${basename(name, ".ts")}`,
        file,
        header: /^(\/\/.*\n)*/.exec(source)?.[0].trimEnd() ?? "",
        code: stripTypes(source),
      };
    });
  });
}

/** @param {string} code a script without types */
function importsOurs(code) {
  return /^\s*(import|export)\b[^;]*?["']\.\.?\/|import\(\s*["']\.\.?\//m.test(code);
}

/** @param {Record<string, string>} table */
function inputs(table) {
  return Object.fromEntries(Object.entries(table).filter(([, file]) => existsSync(join(repository, file))));
}

/**
 * Bundles entries to texts by path: as ES modules that share chunks, or as CommonJS, each in one file.
 * @param {Record<string, string>} input entry name → file
 * @param {{ banner?: (chunk: { name: string, isEntry: boolean }) => string, format?: "esm" | "cjs", external?: RegExp[] }} options
 * @returns {Promise<Files>}
 */
async function bundleFiles(input, { banner, format = "esm", external = [] }) {
  if (Object.keys(input).length === 0) return new Map();
  const build = await rolldown({
    cwd: repository,
    input,
    platform: "node",
    external,
    logLevel: "warn",
    transform: {
      target: "node26",
      define: { "process.env.NODE_ENV": '"production"' },
    },
    resolve: { alias: { "yoga-layout$": join(repository, "src/boot/tui/layout.ts") } },
    checks: { pluginTimings: false },
    plugins: [{ name: "quick-start", transform: quickStart }],
  });
  try {
    const { output } = await build.generate({
      format,
      entryFileNames: format === "cjs" ? "[name].cjs" : "[name].js",
      chunkFileNames: "chunks/[name].js",
      ...(banner === undefined ? {} : { banner }),
      minifyInternalExports: false,
      codeSplitting: format === "esm",
    });
    /** @type {(code: string) => string} */
    const text = (code) => (format === "cjs" ? escapeWide(code) : code);
    return new Map(output.map((chunk) => [chunk.fileName, chunk.type === "chunk" ? text(minifyLibraries(chunk)) : String(chunk.source)]));
  } finally {
    await build.close();
  }
}

/**
 * One character beyond ASCII makes Node hold a file's whole text, and so the snapshot of the boot program, with two bytes for
 * each: they are escaped, as string and template literals and regular expressions allow. (String.raw would see the escape.)
 * @param {string} code
 */
function escapeWide(code) {
  return code.replace(/[^\0-\x7f]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/**
 * Libraries are minified, our own code is not.
 * @param {{ code: string, fileName: string, moduleIds: string[] }} chunk
 */
function minifyLibraries({ code, fileName, moduleIds }) {
  if (!moduleIds.every((id) => id.includes("node_modules") || id.startsWith("\0") || id.endsWith("/lazy-segmenter.js"))) return code;
  return minifySync(fileName, code, { module: true, mangle: { toplevel: true }, codegen: { removeWhitespace: true } }).code;
}

/**
 * Makes a folder hold exactly these files. Each is replaced by a rename, and only when it differs, so that one who
 * reads meanwhile finds whole files and what did not change keeps its time.
 * @param {string} folder
 * @param {Files} files
 */
function replaceTree(folder, files) {
  for (const [path, text] of files) {
    const target = join(folder, path);
    if (existsSync(target) && readFileSync(target, "utf8") === text) continue;
    mkdirSync(dirname(target), { recursive: true });
    writeFileSync(`${target}.new`, text, { mode: text.startsWith("#!") ? 0o755 : 0o644 });
    renameSync(`${target}.new`, target);
  }
  for (const entry of readdirSync(folder, { withFileTypes: true, recursive: true })) {
    const path = relative(folder, join(entry.parentPath, entry.name));
    if (entry.isFile() && !files.has(path)) rmSync(join(folder, path));
  }
}
