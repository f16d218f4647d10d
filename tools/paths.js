import { homedir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** The top of the repository. */
export const repository = fileURLToPath(new URL("..", import.meta.url)).replace(/\/$/, "");

/** Where npm puts programs; the pinned Node is the first `node` here. */
export const npmPrograms = join(repository, "node_modules/.bin");

/** The pinned Node. */
export const pinnedNode = join(npmPrograms, "node");

/** What the bundler makes. */
export const dist = join(repository, "dist");

/** Downloaded and built things that survive a clean checkout. */
export const cache =
  process.env.MKINITRD_CACHE || join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "mkinitrd");
