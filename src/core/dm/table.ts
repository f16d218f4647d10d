import { checkRange } from "../binary/source.ts";
import type { Source } from "../binary/source.ts";
import { MkinitrdError } from "../errors.ts";
import { linearLine, openLinear } from "./linear.ts";
import type { Linear } from "./linear.ts";
import { openStriped, stripedLine } from "./striped.ts";
import type { Striped } from "./striped.ts";

/** One line of a table. */
export type Target = ({ type: "linear" } & Linear) | ({ type: "striped" } & Striped);

/** The lines of a table, as `dmsetup create` takes them. */
export function tableLines(targets: Target[]): string[] {
  return targets.map((target) => (target.type === "linear" ? linearLine(target) : stripedLine(target)));
}

/** A whole table as one source. Throws unless the targets follow each other from sector 0 on without a gap. */
export function openTable(name: string, targets: Target[]): Source {
  let nextSector = 0;
  const parts = targets.map((target) => {
    if (target.startSector !== nextSector || target.lengthSectors <= 0) {
      const found = `a target of ${target.lengthSectors} sectors begins at ${target.startSector}, ${nextSector} was next`;
      throw new MkinitrdError({ tried: "opening a device-mapper table", on: name, found });
    }
    nextSector += target.lengthSectors;
    return openTarget(target);
  });
  return concat(name, parts);
}

function openTarget(target: Target): Source {
  return target.type === "linear" ? openLinear(target) : openStriped(target);
}

/** Sources one behind the other. */
export function concat(name: string, parts: Source[]): Source {
  const sizeBytes = parts.reduce((sum, part) => sum + part.sizeBytes, 0);
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
      return Buffer.concat(await Promise.all(reads));
    },
  };
}

