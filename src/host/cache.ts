import { homedir } from "node:os";
import { join } from "node:path";

/** Where downloaded and built things are kept: $MKINITRD_CACHE, else mkinitrd below $XDG_CACHE_HOME or ~/.cache. */
export function cacheDirectory(...parts: string[]): string {
  const { MKINITRD_CACHE, XDG_CACHE_HOME } = process.env;
  return join(MKINITRD_CACHE || join(XDG_CACHE_HOME || join(homedir(), ".cache"), "mkinitrd"), ...parts);
}
