import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { MkinitrdError } from "../../core/errors.ts";
import { printableLine } from "../../core/quote.ts";
import { exec } from "../exec.ts";
import { withTemporaryDirectory } from "../temporary.ts";
import { type BundledScript, findTopLevelAwait } from "./bundle.ts";
import { type Place, scriptError } from "./problem.ts";

const TIMEOUT_MS = 20_000; // a tenth of a second on an idle machine
const MARK = "\n@mkinitrd-loaded:";

/** Loads FILE as the boot program does, by require, and says what it exports, or what was thrown. */
const PROBE = `
const file = process.argv[1];
let said;
try {
  const loaded = require("node:module").createRequire(file)(file);
  said = { type: typeof loaded.default };
} catch (error) {
  said = error instanceof Error ? { name: error.name, message: error.message, stack: String(error.stack), code: error.code } : { name: "", message: String(error), stack: "" };
}
require("node:fs").writeSync(1, ${JSON.stringify(MARK)} + JSON.stringify(said));
process.exit(0);`;

/** What the probe says. */
interface Loaded {
  type?: string;
  name?: string;
  message?: string;
  stack?: string;
  code?: string;
}

/**
 * Loads a script once as the boot would, in a Node that may read files and nothing else: it can write nothing, run no program and
 * reach no network. Throws with the place in the person's own text when that throws, or when there is nothing to run.
 */
export async function checkLoads(path: string, { code, map }: BundledScript, packageRoot: string): Promise<void> {
  await withTemporaryDirectory("script", async (directory) => {
    const file = join(directory, "script.mjs");
    const inline = map === undefined ? "" : `\n//# sourceMappingURL=data:application/json;base64,${Buffer.from(map).toString("base64")}\n`;
    await writeFile(file, code + inline);
    const loaded = await load(path, file);
    if (loaded.code === "ERR_REQUIRE_ASYNC_MODULE") {
      await findTopLevelAwait(path, packageRoot).catch((error: unknown) => Promise.reject(awaits(path, error)));
      throw awaits(path);
    }
    if (loaded.message !== undefined) throw thrown(path, file, loaded);
    if (loaded.type === "undefined") throw scriptError({ file: path }, "it has no default export", "export default async function run(ctx) { … }");
    if (loaded.type !== "function") throw scriptError({ file: path }, `its default export is no function, but of the type ${loaded.type}`, "export default async function run(ctx) { … }");
  });
}

async function load(path: string, file: string): Promise<Loaded> {
  const flags = ["--no-warnings", "--permission", "--allow-fs-read=*", "--enable-source-maps"];
  const { stdout, stderr } = await exec(process.execPath, [...flags, "-e", PROBE, file], { env: { TERM: "linux" }, timeoutMs: TIMEOUT_MS, accept: Array.from({ length: 255 }, (_, i) => i + 1) })
    .catch((cause: unknown) => Promise.reject(scriptError({ file: path }, `loading it: ${cause instanceof MkinitrdError ? cause.found : String(cause)}`, "leave to run(ctx) what takes time", cause)));
  const at = stdout.lastIndexOf(MARK);
  if (at >= 0) return JSON.parse(stdout.slice(at + MARK.length)) as Loaded;
  const last = printableLine(stderr.trim().split("\n").at(-1) ?? "");
  throw scriptError({ file: path }, `it ended the process that loads it${last === "" ? "" : `: ${last}`}`, "leave to run(ctx) what is to be done");
}

function thrown(path: string, file: string, { name = "", message = "", stack = "", code }: Loaded): MkinitrdError {
  const denied = code === "ERR_ACCESS_DENIED";
  const found = denied ? "while it is loaded it writes, runs a program or uses the network" : `it throws while it is loaded: ${printableLine([name, message.split("\n")[0]].filter(Boolean).join(": "))}`;
  return scriptError(placeIn(stack, path, file), found, "leave to run(ctx) what is to be done: an image is built where no device of the machine is");
}

/** The first place of the stack that is in the person's files; the temporary one stands for the script itself. */
function placeIn(stack: string, path: string, file: string): Place {
  for (const [, where = "", line, column] of stack.matchAll(/^ {4}at (?:.*\()?((?:file:\/\/)?\/[^\n]*?):(\d+):(\d+)\)?$/gm)) {
    const name = where.startsWith("file://") ? fileURLToPath(where) : where;
    return { file: name === file ? path : name, line: Number(line), column: Number(column) };
  }
  return { file: path };
}

/** The bundler knows the place, and says it in its own words. */
function awaits(path: string, error?: unknown): MkinitrdError {
  const on = error instanceof MkinitrdError ? error.on : path;
  return new MkinitrdError({ tried: "reading the rc script", on, found: "it awaits while it is loaded", next: "await in run(ctx)", ...(error === undefined ? {} : { cause: error }) });
}
