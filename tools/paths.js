import { homedir } from "node:os";
import { isAbsolute, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

/** The top of the repository. */
export const repository = fileURLToPath(new URL("..", import.meta.url)).replace(/\/$/, "");

/** Where npm puts programs; the pinned Node is the first `node` here. */
export const npmPrograms = join(repository, "node_modules/.bin");

/** The pinned Node. */
export const pinnedNode = join(npmPrograms, "node");

/** What the bundler makes. */
export const dist = join(repository, "dist");

const { MKINITRD_CACHE, XDG_CACHE_HOME = "" } = process.env;

/** Downloaded and built things that survive a clean checkout; by the rule of src/host/cache.ts. */
export const cache = MKINITRD_CACHE ? resolve(MKINITRD_CACHE) : join(isAbsolute(XDG_CACHE_HOME) ? XDG_CACHE_HOME : join(homedir(), ".cache"), "mkinitrd");
