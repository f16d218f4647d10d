import type { LibraryFinder } from "./libraries.ts";
import { directory, mergedUsr } from "./paths.ts";
import type { Entry } from "./types.ts";

const EARLY = "the first mounts and nodes";

/** The runtime layer: directories, the console, and Node with its libraries. */
export async function planRuntime(nodeBinary: string, libraries: LibraryFinder): Promise<Entry[]> {
  const path = "usr/bin/node";
  return [
    ...mergedUsr(EARLY),
    ...["dev", "proc", "sys", "run", "etc", "new_root", "var"].map((name) => directory(name, EARLY)),
    directory("root", EARLY, 0o700),
    directory("tmp", EARLY, 0o1777),
    // The kernel opens it for pid 1 before anything is mounted.
    { path: "dev/console", mode: 0o600, reason: EARLY, type: "node", major: 5, minor: 1 },
    { path, mode: 0o755, reason: "the runtime", type: "file", from: { file: nodeBinary } },
    ...(await libraries.needs({ path: `/${path}`, file: nodeBinary }, "the runtime")),
  ];
}
