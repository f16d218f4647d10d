import { existsSync } from "node:fs";
import { dirname, join } from "node:path";

/** The top of this package: what holds rc.d/init and dist/. The same from the sources and from the bundle in dist/host. */
export function packageRoot(from = import.meta.dirname): string {
  const isRoot = existsSync(join(from, "package.json")) && existsSync(join(from, "rc.d/init"));
  if (isRoot || from === dirname(from)) return from;
  return packageRoot(dirname(from));
}
