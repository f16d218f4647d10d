import { checkRange } from "../binary/source.ts";
import type { Source } from "../binary/source.ts";
import { MkinitrdError } from "../errors.ts";
import type { Cache } from "./cache.ts";
import type { Crypt } from "./crypt.ts";
import type { Span } from "./device.ts";
import type { ErrorTarget } from "./error.ts";
import { openLinear } from "./linear.ts";
import type { Linear } from "./linear.ts";
import type { Mirror } from "./mirror.ts";
import type { Raid } from "./raid.ts";
import type { Snapshot, SnapshotOrigin } from "./snapshot.ts";
import { openStriped } from "./striped.ts";
import type { Striped } from "./striped.ts";
import type { Thin, ThinPool } from "./thin.ts";
import type { Verity } from "./verity.ts";
import type { Writecache } from "./writecache.ts";
import type { Zero } from "./zero.ts";

/** One line of a table. */
export type Target =
  | ({ type: "linear" } & Linear)
  | ({ type: "striped" } & Striped)
  | ({ type: "zero" } & Zero)
  | ({ type: "error" } & ErrorTarget)
  | ({ type: "crypt" } & Crypt)
  | ({ type: "verity" } & Verity)
  | ({ type: "mirror" } & Mirror)
  | ({ type: "raid" } & Raid)
  | ({ type: "snapshot" | "snapshot-merge" } & Snapshot)
  | ({ type: "snapshot-origin" } & SnapshotOrigin)
  | ({ type: "thin-pool" } & ThinPool)
  | ({ type: "thin" } & Thin)
  | ({ type: "cache" } & Cache)
  | ({ type: "writecache" } & Writecache)
  | ({ type: "other" } & Other);

/** A target that nothing is known of but its line. */
export interface Other extends Span {
  targetType: string;
  /** What stands behind the type. */
  text: string;
}

/** Opens one target. */
export type OpenTarget = (target: Target) => Source;

/**
 * A whole table as one source. Throws unless the targets follow each other from sector 0 on without a gap. The early boot
 * opens linear and striped ones; who wants all that there are passes `openTarget` of open-target.ts.
 */
export function openTable(name: string, targets: Target[], open: OpenTarget = openPlain): Source {
  let nextSector = 0;
  const parts: Source[] = [];
  try {
    for (const target of targets) {
      if (target.startSector !== nextSector || target.lengthSectors <= 0) {
        const found = `a target of ${target.lengthSectors} sectors begins at ${target.startSector}, ${nextSector} was next`;
        throw new MkinitrdError({ tried: "opening a device-mapper table", on: name, found });
      }
      nextSector += target.lengthSectors;
      parts.push(open(target));
    }
  } catch (error) {
    for (const part of parts) void part.close?.();
    throw error;
  }
  return concat(name, parts);
}

function openPlain(target: Target): Source {
  if (target.type === "linear") return openLinear(target);
  if (target.type === "striped") return openStriped(target);
  throw new MkinitrdError({ tried: "opening a device-mapper table", on: `the target ${target.type}`, found: "only linear and striped ones are read here" });
}

/** Sources one behind the other. */
export function concat(name: string, parts: Source[]): Source {
  const sizeBytes = parts.reduce((sum, part) => sum + part.sizeBytes, 0);
  const [only] = parts;
  if (only !== undefined && parts.length === 1) return { ...only, name };
  return {
    name,
    sizeBytes,
    async read(offsetBytes, lengthBytes) {
      checkRange(this, offsetBytes, lengthBytes);
      const reads: Promise<Buffer>[] = [];
      let start = 0;
      for (const part of parts) {
        const from = Math.max(offsetBytes, start);
        const to = Math.min(offsetBytes + lengthBytes, start + part.sizeBytes);
        if (from < to) reads.push(part.read(from - start, to - from));
        start += part.sizeBytes;
      }
      const [first, ...rest] = await Promise.all(reads);
      return rest.length === 0 ? (first ?? Buffer.alloc(0)) : Buffer.concat([first!, ...rest]);
    },
    async close() {
      await Promise.all(parts.map((part) => part.close?.()));
    },
  };
}
