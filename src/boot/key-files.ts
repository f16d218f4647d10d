import { mkdtempSync, rmdirSync, rmSync, writeFileSync } from "node:fs";
import { constants, open, realpath } from "node:fs/promises";
import { join } from "node:path";
import { MkinitrdError } from "../core/errors.ts";
import { NO_FILESYSTEMS } from "../core/rc/filesystems.ts";
import type { FindOptions, KeyFilePart, KeyFiles, Volumes } from "../core/rc/types.ts";
import { LARGEST_KEY_FILE_BYTES, parseKeyFile } from "../core/realroot/key-file.ts";
import { RUN_DIRECTORY } from "./log.ts";

/** A journal that wants to be replayed would be written to, read-only mount or not. */
const NO_REPLAY: Record<string, string> = { ext3: "noload", ext4: "noload", xfs: "norecovery", btrfs: "rescue=nologreplay" };

/** What this needs of the machine; tests have another one. */
export interface KeyFileMachine {
  find: Volumes["find"];
  mount(mount: { source: string; target: string; fstype: string; options: string[] }): Promise<void>;
  unmount(target: string): Promise<void>;
  /** Where the mount points are made; pid 1 unmounts all of it that is left when a boot fails. */
  directory?: string;
}

/** Reads key files, of the image and of other devices. */
export function createKeyFiles({ find, mount, unmount, directory = RUN_DIRECTORY }: KeyFileMachine): KeyFiles {
  return { read, withPaths };

  async function withPaths<T>(places: readonly string[], use: (paths: string[]) => Promise<T>): Promise<T> {
    const folder = mkdtempSync(join(directory, "keys-"));
    const copies: { path: string; sizeBytes: number }[] = [];
    try {
      const paths: string[] = [];
      for (const [index, place] of places.entries()) {
        const key = await read(place); // one that is missing is named before anything is tried
        try {
          const parsed = parseKeyFile(place);
          if (!("reason" in parsed) && parsed.device === undefined) {
            paths.push(parsed.path);
            continue;
          }
          const path = join(folder, String(index));
          copies.push({ path, sizeBytes: key.length });
          writeFileSync(path, key, { mode: 0o600 });
          paths.push(path);
        } finally {
          key.fill(0);
        }
      }
      return await use(paths);
    } finally {
      // In place, on the pages that hold it: /run is a tmpfs.
      for (const { path, sizeBytes } of copies) writeFileSync(path, Buffer.alloc(sizeBytes), { flag: "r+" });
      rmSync(folder, { recursive: true });
    }
  }

  async function read(place: string, { timeoutMs, signal, ...part }: KeyFilePart & FindOptions = {}): Promise<Buffer> {
    const parsed = parseKeyFile(place);
    if ("reason" in parsed) throw new MkinitrdError({ tried: "reading the key file", on: place, found: parsed.reason });
    const { path, device } = parsed;
    const wait = { ...(timeoutMs === undefined ? {} : { timeoutMs }), ...(signal === undefined ? {} : { signal }) };
    if (device !== undefined) return readFrom(path, device, part, wait);
    if (path.startsWith("/dev/")) return readPart((await findFor(path, path, wait)).path, path, part, "device");
    return readPart(path, path, part, "file");
  }

  async function readFrom(path: string, device: string, part: KeyFilePart, wait: FindOptions): Promise<Buffer> {
    const volume = await findFor(path, device, wait);
    const fstype = volume.content?.type;
    const on = `${path} of ${device}`;
    if (fstype === undefined || NO_FILESYSTEMS.includes(fstype)) {
      throw new MkinitrdError({
        tried: "mounting the device of the key file", on,
        found: `${volume.path} holds ${fstype === undefined ? (volume.damage ?? "no filesystem that is known here") : `${fstype}, which is no filesystem`}`,
        next: "check which device the option names: blkid shows what each one holds",
      });
    }
    const replay = NO_REPLAY[fstype];
    const target = mkdtempSync(join(directory, "key-"));
    let key: Buffer | undefined;
    try {
      await mount({ source: volume.path, target, fstype, options: ["ro", "nosuid", "nodev", "noexec", ...(replay === undefined ? [] : [replay])] });
      try {
        key = await readPart(await inside(target, path, on), on, part, "file");
      } finally {
        await unmount(target);
      }
      return key;
    } catch (error) {
      key?.fill(0);
      throw error;
    } finally {
      rmdirSync(target);
    }
  }

  async function findFor(path: string, device: string, wait: FindOptions) {
    return find(device, wait).catch((cause: unknown) => {
      if (!(cause instanceof MkinitrdError)) throw cause;
      throw new MkinitrdError({ tried: `looking for the device of the key file ${path}`, on: device, found: cause.found, cause, next: "attach the device that holds the key, or name it by its UUID or LABEL" });
    });
  }
}

/** Where the path leads, links followed; one that leads out of the mounted filesystem is refused. */
async function inside(mountPoint: string, path: string, on: string): Promise<string> {
  const [top, real] = await Promise.all([realpath(mountPoint), realpath(join(mountPoint, path)).catch((cause: unknown) => { throw readError(on, cause); })]);
  if (real.startsWith(`${top}/`)) return real;
  throw new MkinitrdError({ tried: "reading the key file", on, found: "it is a link that leads out of its filesystem" });
}

async function readPart(path: string, on: string, { offsetBytes = 0, sizeBytes }: KeyFilePart, kind: "file" | "device"): Promise<Buffer> {
  const refuse = (found: string, next?: string): never => {
    throw new MkinitrdError({ tried: "reading the key file", on, found, ...(next === undefined ? {} : { next }) });
  };
  // Not blocking: a pipe of this name would wait for a writer.
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK).catch((cause: unknown) => { throw readError(on, cause); });
  let key: Buffer | undefined;
  try {
    const stat = await file.stat();
    if (kind === "file" ? !stat.isFile() : !stat.isBlockDevice()) refuse(kind === "file" ? "it is no regular file" : "it is no block device");
    if (kind === "device" && sizeBytes === undefined) refuse("it is a whole device, and no size says how much of it is the key", "add keyfile-size=BYTES");
    const wantedBytes = sizeBytes ?? stat.size - offsetBytes;
    if (wantedBytes <= 0) refuse(`it has ${stat.size} bytes, and the key begins at byte ${offsetBytes}`);
    if (wantedBytes > LARGEST_KEY_FILE_BYTES) refuse(`${wantedBytes} bytes, expected at most ${LARGEST_KEY_FILE_BYTES}`, "add keyfile-size=BYTES");
    key = Buffer.alloc(wantedBytes);
    let filled = 0;
    while (filled < wantedBytes) {
      const { bytesRead } = await file.read(key, filled, wantedBytes - filled, offsetBytes + filled);
      if (bytesRead === 0) refuse(`it ends at byte ${offsetBytes + filled}, and the key is ${wantedBytes} bytes from byte ${offsetBytes}`);
      filled += bytesRead;
    }
    return key;
  } catch (error) {
    key?.fill(0);
    throw error instanceof MkinitrdError ? error : readError(on, error);
  } finally {
    await file.close();
  }
}

function readError(on: string, cause: unknown): MkinitrdError {
  const code = cause instanceof Error && "code" in cause ? cause.code : undefined;
  const found = code === "ENOENT" || code === "ENOTDIR" ? "no such file" : String(code ?? cause);
  return new MkinitrdError({ tried: "reading the key file", on, found, cause, next: "check its path; a file of the image comes by files: in mkinitrd.config.yaml" });
}
