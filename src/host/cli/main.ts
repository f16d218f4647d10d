import { enableCompileCache } from "node:module";
import { cacheDirectory, makeCacheDirectory } from "../cache.ts";

// Reading our own code is half of what a short command takes. What stands in an import would be loaded before this.
keepCompiledCode();
const { run } = await import("./program.ts");
await run(process.argv.slice(2));

/** It only saves time: a cache that can't be written is no error, and an older Node, which run() refuses, has none. */
function keepCompiledCode(): void {
  try {
    const directory = cacheDirectory("code");
    makeCacheDirectory(directory);
    enableCompileCache?.(directory);
  } catch {
    // Each start compiles it anew.
  }
}
