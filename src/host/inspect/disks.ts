import { statSync } from "node:fs";
import { openFile } from "../../core/binary/file.ts";
import type { Source } from "../../core/binary/source.ts";
import type { BlockDevice } from "../../core/volumes/types.ts";
import { isQcow2, openQcow2 } from "./qcow2.ts";

/** Disks that were opened for reading. An image file is called by its name, with so much of the path as it takes to tell it from the others. */
export interface OpenedDisks {
  devices: BlockDevice[];
  close(): Promise<void>;
}

/** Opens image files (raw, or qcow2 where qemu-img is there) and block devices. Throws when one can't be opened; then none is. */
export async function openDisks(paths: readonly string[]): Promise<OpenedDisks> {
  const devices: BlockDevice[] = [];
  const close = async (): Promise<void> => void (await Promise.all(devices.map(({ source }) => source.close?.())));
  try {
    const files = withoutRepeats(paths);
    for (const path of files) devices.push({ path: path.startsWith("/dev/") ? path : shortName(path, files), source: await openDisk(path) });
  } catch (error) {
    await close();
    throw error;
  }
  return { devices, close };
}

/** A disk that is named twice, however it is spelled, is one. */
function withoutRepeats(paths: readonly string[]): string[] {
  const seen = new Set<string>();
  return paths.filter((path) => {
    const key = identityOf(path);
    return !seen.has(key) && seen.add(key);
  });
}

/** What can't be looked at is told when it is opened. */
function identityOf(path: string): string {
  try {
    const { dev, ino } = statSync(path);
    return `${dev}:${ino}`;
  } catch {
    return path;
  }
}

/** One of them; raw, or qcow2. */
export async function openDisk(path: string): Promise<Source> {
  const file = await openFile(path);
  try {
    return (await isQcow2(file)) ? await openQcow2(file) : file;
  } catch (error) {
    await file.close?.();
    throw error;
  }
}

function shortName(path: string, all: readonly string[]): string {
  const parts = path.split("/");
  for (let count = 1; count < parts.length; count++) {
    const end = parts.slice(-count).join("/");
    if (end !== "" && all.filter((other) => other === end || other.endsWith(`/${end}`)).length === 1) return end;
  }
  return path;
}
