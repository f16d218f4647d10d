import { hasLongName, LONG_NAME } from "./long-name.ts";

/** cryptsetup's own limit for key files, DEFAULT_KEYFILE_SIZE_MAXKB. */
export const LARGEST_KEY_FILE_BYTES = 8192 * 1024;

/** Where a key file is: in the image, or on another device, which is mounted for it. */
export interface KeyFilePlace {
  /** Absolute: in the image, or from the top of the device's filesystem. A path in /dev is a device that is the key itself. */
  path: string;
  /** As a spec names devices; undefined for the image. */
  device?: string;
}

/**
 * Reads `PATH` or `PATH@DEVICE`, as options hold it when they are decoded. The last `@` splits; a path's own `@` in front
 * of no device can't be written. On bad input the reason.
 */
export function parseKeyFile(text: string): KeyFilePlace | { reason: string } {
  const at = text.lastIndexOf("@");
  const path = at < 0 ? text : text.slice(0, at);
  const device = at < 0 ? undefined : text.slice(at + 1);
  if (!path.startsWith("/")) return { reason: "it is no absolute path; write /PATH, or /PATH@DEVICE for one on another device" };
  if (path.includes("\0") || device?.includes("\0")) return { reason: "it holds a NUL" };
  if (hasLongName(path)) return { reason: LONG_NAME };
  if (path.split("/").includes("..")) return { reason: "it holds .. as a part of its path" };
  if (device === "") return { reason: "no device behind the @" };
  return { path, ...(device === undefined ? {} : { device }) };
}
