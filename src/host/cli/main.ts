import * as module from "node:module"; // by name it would be a syntax error where Node is too old to have it
import { existsSync } from "node:fs";
import { cacheDirectory, makeCacheDirectory } from "../cache.ts";

// Reading our own code is half of what a short command takes. What stands in an import would be loaded before this.
keepCompiledCode();
const { run } = await import("./program.ts");
await run(process.argv.slice(2));

/** It only saves time: a cache that can't be written is no error, and an older Node, which run() refuses, has none. Made by builds: who only asks gets no directory. */
function keepCompiledCode(): void {
  try {
    if (!existsSync(cacheDirectory())) return;
    const directory = cacheDirectory("code");
    makeCacheDirectory(directory);
    module.enableCompileCache?.(directory);
  } catch {
    // Each start compiles it anew.
  }
}
