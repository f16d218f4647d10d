import { realpathSync } from "node:fs";
import { basename } from "node:path";
import { quote } from "../../core/quote.ts";
import { mapLimited } from "../map-limited.ts";
import type { ScriptFile } from "../plan/facts.ts";
import { bundleScript } from "./bundle.ts";
import { keepScript, keptScript } from "./cache.ts";
import { readScript, scriptHeader } from "./header.ts";
import { listScripts } from "./list.ts";
import { checkLoads } from "./load.ts";
import { scriptError } from "./problem.ts";

const AT_ONCE = 4;

export interface ScriptSources {
  /** Files and directories of the user's own rc scripts. */
  scripts: readonly string[];
  /** The top of this package. */
  packageRoot: string;
  /** Where bundled scripts are kept: CACHE/scripts. */
  cacheDirectory: string;
}

/**
 * The user's own rc scripts, as they go into the image: bundled, and loaded once. Throws on what could only fail at boot: a
 * header that is missing or wrong, wrong syntax, an import of what is not there, a script that throws while it is loaded.
 */
export async function readUserScripts({ scripts, packageRoot, cacheDirectory }: ScriptSources): Promise<ScriptFile[]> {
  return mapLimited(listScripts(scripts), AT_ONCE, async (source): Promise<ScriptFile> => {
    const text = readScript(source);
    const header = scriptHeader(text, source);
    const path = realpathSync(source); // the folder that npm installed its packages in is beside the file itself
    const from = { bytes: Buffer.from(await codeOf(path, text, packageRoot, cacheDirectory)) };
    return { name: nameOf(source), source, header, from, origin: "configuration" };
  });
}

/** What other scripts REQUIRE, and its file's name in the image. */
function nameOf(source: string): string {
  const name = basename(source).replace(/\.[jt]s$/, "");
  if (/^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(name)) return name;
  throw scriptError({ file: source }, `${quote(name)} can't be a script's name`, "name the file by letters, digits, dots, dashes and underscores");
}

async function codeOf(path: string, text: string, packageRoot: string, cacheDirectory: string): Promise<string> {
  const kept = keptScript(cacheDirectory, path, packageRoot);
  if (kept !== undefined) return kept;
  const startedMs = Date.now();
  const bundled = await bundleScript(path, text, packageRoot);
  await checkLoads(path, bundled, packageRoot);
  keepScript(cacheDirectory, path, packageRoot, bundled, startedMs);
  return bundled.code;
}
