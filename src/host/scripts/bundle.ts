import { isBuiltin } from "node:module";
import { dirname, join, relative } from "node:path";
import type { OutputChunk, Plugin, RolldownLog } from "rolldown";
import { bundlerError, scriptError } from "./problem.ts";
import { stripTypes } from "./strip.ts";

/** What a script may import of ours, and where it lies below the package. */
const OURS = { "mkinitrd/rc": "dist/rc/rc.js" };
const TEST_HELPER = "mkinitrd/rc/test";

/** A script in one file, as it goes into the image. */
export interface BundledScript {
  code: string;
  /** Its source map, whose sources are absolute; absent where every line is at its own place. */
  map?: string;
  /** The files that it was made from, absolute, the script first. */
  inputs: string[];
}

/**
 * A script and all that it imports, from its own folder, from node_modules and of ours (`mkinitrd/rc`), in one file of the ES
 * module kind; Node's own modules stay imports. One that imports nothing keeps its text, with blanks for its types: it is what a
 * person opens in the rescue shell. The same files give the same bytes wherever they lie. Throws with the place of what is wrong.
 */
export async function bundleScript(path: string, text: string, packageRoot: string): Promise<BundledScript> {
  const stripped = stripTypes(text, path);
  const { chunk, files } = await runBundler(path, packageRoot, "esm");
  if (files.every((id) => id === path)) return { code: stripped, inputs: [path] };
  const inputs = [path, ...files.filter((id) => id !== path).sort()];
  return { code: `${headerOf(text)}${nameFiles(chunk.code, path, inputs, packageRoot)}`, inputs, ...(chunk.map === null ? {} : { map: absoluteMap(chunk.map, path, headerOf(text)) }) };
}

/** Throws with the place where a script, or what it imports, awaits while it is loaded: CommonJS knows no such thing. */
export async function findTopLevelAwait(path: string, packageRoot: string): Promise<void> {
  await runBundler(path, packageRoot, "cjs");
}

/** The one file that comes out, and those that went in; of some of these only a constant may be left. */
async function runBundler(path: string, packageRoot: string, format: "esm" | "cjs"): Promise<{ chunk: OutputChunk; files: string[] }> {
  const { rolldown } = await import("rolldown");
  const files = new Set<string>();
  const unresolved: RolldownLog[] = []; // to the bundler that is a warning, for what has no path
  const build = await rolldown({
    cwd: dirname(path),
    input: path,
    platform: "node",
    onLog: (_level, log) => void (log.code === "UNRESOLVED_IMPORT" && unresolved.push(log)),
    tsconfig: false,
    transform: { target: "node26", define: { "process.env.NODE_ENV": '"production"' } },
    checks: { pluginTimings: false },
    plugins: [scriptPlugin(path, packageRoot, files)],
  }).catch((cause: unknown) => Promise.reject(bundlerError(path, cause)));
  try {
    const { output } = await build.generate({ dir: dirname(path), format, codeSplitting: false, sourcemap: format === "esm" ? "hidden" : false });
    if (unresolved.length > 0) throw bundlerError(path, { errors: unresolved });
    return { chunk: output[0], files: [...files] };
  } catch (cause) {
    throw bundlerError(path, cause);
  } finally {
    await build.close();
  }
}

/** Finds what is ours, and removes types as strictly everywhere as in the script itself. */
function scriptPlugin(script: string, packageRoot: string, files: Set<string>): Plugin {
  return {
    name: "mkinitrd-scripts",
    resolveId(specifier, importer = script) {
      if (isBuiltin(specifier)) return { id: specifier, external: true };
      if (specifier === TEST_HELPER) throw scriptError({ file: importer }, `it imports ${TEST_HELPER}, which is for tests`, "import it in NAME.test.ts");
      const own = Object.hasOwn(OURS, specifier) ? OURS[specifier as keyof typeof OURS] : undefined;
      return own === undefined ? null : join(packageRoot, own);
    },
    transform(code, id) {
      if (!id.startsWith("\0")) files.add(id); // not what the bundler makes up itself
      if (!id.endsWith(".ts") || id.includes("/node_modules/")) return null;
      return { code: stripTypes(code, id), moduleType: "js", map: null };
    },
  };
}

/** The bundler says in a comment where each file begins, by its path: what lies outside of the script's folder is named without it. */
function nameFiles(code: string, path: string, inputs: string[], packageRoot: string): string {
  const names = new Map(inputs.map((file) => [relative(dirname(path), file), nameOf(file, path, packageRoot)]));
  return code.replace(/^(\/\/(?:#region)? )(.*)$/gm, (line, comment: string, file: string) => (names.has(file) ? `${comment}${names.get(file)}` : line));
}

function nameOf(file: string, path: string, packageRoot: string): string {
  if (file.startsWith(join(packageRoot, "dist/"))) return `mkinitrd/${relative(join(packageRoot, "dist"), file)}`;
  return relative(dirname(path), file).replace(/^.*\/(?=node_modules\/)/, "");
}

/** The comment that begins a script: the bundler leaves it out. */
function headerOf(text: string): string {
  return /^(#!.*\n)?((\/\/.*)?\n)*/.exec(text)?.[0].replace(/^#!.*\n/, "") ?? "";
}

/** Sources by their own path, and the lines moved down by those of the header in front. */
function absoluteMap(map: { sources: string[]; mappings: string }, path: string, header: string): string {
  const sources = map.sources.map((source) => new URL(source, `file://${dirname(path)}/`).pathname);
  return JSON.stringify({ ...map, version: 3, sources, mappings: ";".repeat(header.split("\n").length - 1) + map.mappings });
}
