import { accessSync, constants, lstatSync, readlinkSync, realpathSync, statSync } from "node:fs";
import { join, normalize, resolve } from "node:path";
import { openFile } from "../core/binary/file.ts";
import { findInit as findInitOf, type RootFiles } from "../core/find-init.ts";

/** The path of the init under `newRoot`, where the real root is mounted. Throws where none can be run. */
export function findInit(newRoot: string, asked: string | undefined, warn: (text: string) => void): Promise<string> {
  return findInitOf(mountedFiles(newRoot), asked, warn);
}

function mountedFiles(root: string): RootFiles {
  return {
    name: root,
    async find(path) {
      const file = resolveInside(root, path);
      return file === undefined ? undefined : { isRegular: statSync(file).isFile(), isExecutable: isExecutable(file), open: () => openFile(file) };
    },
  };
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Follows the links of `path` as they lead after the pivot, when `root` is /; undefined when they lead nowhere. */
export function resolveInside(root: string, path: string): string | undefined {
  let inside = normalize(path);
  for (let links = 0; links < 40; links++) {
    const parts = inside.split("/").filter(Boolean);
    let changed = false;
    for (let depth = 1; depth <= parts.length && !changed; depth++) {
      const prefix = `/${parts.slice(0, depth).join("/")}`;
      const stat = lstatSync(join(root, prefix), { throwIfNoEntry: false });
      if (stat === undefined) return undefined;
      if (!stat.isSymbolicLink()) continue;
      const target = resolve(`${prefix}/..`, readlinkSync(join(root, prefix)));
      inside = normalize([target, ...parts.slice(depth)].join("/"));
      changed = true;
    }
    if (!changed) return realpathSync(join(root, inside));
  }
  return undefined;
}
