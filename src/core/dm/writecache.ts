import { checkRange, SECTOR_BYTES } from "../binary/source.ts";
import type { Source } from "../binary/source.ts";
import type { Device, Span } from "./device.ts";
import { mappedSource, once } from "./mapped-source.ts";
import type { TableWords } from "./table-words.ts";
import { readWritecacheMapping } from "./writecache-metadata.ts";

/** dm-writecache: a fast device that keeps what was written last. Linux Documentation/admin-guide/device-mapper/writecache.rst. */
export interface Writecache extends Span {
  /** `s` for an SSD, `p` for persistent memory; the same on the device. */
  mode: "s" | "p";
  origin: Device;
  fast: Device;
  blockBytes: number;
  /** As they stand: `high_watermark`, `60`. */
  options: string[];
}

/** The target's line of a table, as `dmsetup create` takes it. */
export function writecacheLine({ blockBytes, fast, lengthSectors, mode, options, origin, startSector }: Writecache): string {
  return `${startSector} ${lengthSectors} writecache ${[mode, origin.path, fast.path, blockBytes, options.length, ...options].join(" ")}`;
}

/** Reads what stands behind `writecache`. */
export function parseWritecache(span: Span, words: TableWords): Writecache {
  const mode = words.word("the mode");
  if (mode !== "s" && mode !== "p") throw words.failure(`the mode is ${mode}; known: s, p`);
  return {
    ...span,
    mode,
    origin: words.device("the origin"),
    fast: words.device("the fast device"),
    blockBytes: words.number("the size of a block", 512),
    options: words.counted("options"),
  };
}

/** The bytes of the origin, with what the fast device has in their place. Throws, at the first read, when its metadata is damaged. */
export function openWritecache({ blockBytes, fast, lengthSectors, options, origin }: Writecache): Source {
  const sizeBytes = lengthSectors * SECTOR_BYTES;
  checkRange(origin.source, 0, sizeBytes);
  const at = options.indexOf("start_sector");
  const startBytes = at < 0 ? 0 : Number(options[at + 1]) * SECTOR_BYTES;
  const load = once(async () => readWritecacheMapping(fast.source, startBytes, blockBytes));
  return mappedSource(origin.source.name, sizeBytes, async (offsetBytes, mostBytes) => {
    const { blocks, dataStartBytes } = await load();
    const first = Math.floor(offsetBytes / blockBytes);
    const within = offsetBytes % blockBytes;
    const place = blocks.get(first);
    if (place !== undefined) return { lengthBytes: Math.min(blockBytes - within, mostBytes), source: fast.source, atBytes: dataStartBytes + place * blockBytes + within };
    let count = 1;
    while (count * blockBytes - within < mostBytes && !blocks.has(first + count)) count++;
    return { lengthBytes: Math.min(count * blockBytes - within, mostBytes), source: origin.source, atBytes: offsetBytes };
  });
}
