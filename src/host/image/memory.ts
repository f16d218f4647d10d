import type { BuiltLayer } from "../layers/types.ts";
import { packedBytes } from "./packed-bytes.ts";

const MIB = 1024 * 1024;

/** What the kernel keeps for itself: Debian 12's cloud kernel in a guest with 320 MiB. */
const KERNEL_BYTES = 52 * MIB;
/** What Node and a tool take while they run. */
const RUNTIME_BYTES = 90 * MIB;

/** What the figure was measured with, and is rounded to. */
const STEP_BYTES = 16 * MIB;

/** Sizes that small machines really have. */
const COMMON_BYTES = [256, 512, 1024, 2048, 4096, 8192].map((mib) => mib * MIB);

export interface MemoryNeed {
  /** The machine needs at least so much. */
  bytes: number;
  /** The next common size of a machine that has it. */
  commonBytes: number;
  /** Said when that is more than a small virtual machine has. */
  warning?: string;
}

/** From this size on a machine is too large to be taken for granted. */
const WARN_ABOVE_BYTES = 512 * MIB;

/**
 * RAM that an image needs. rootfs is a tmpfs that takes half of the RAM, in which the kernel and the packed image don't count
 * while it is unpacked; later the runtime works beside what was unpacked. An image of 34 MiB, 123 unpacked, comes to 336 MiB
 * so: it boots with 336 and not with 320.
 */
export function ramNeeded(layers: readonly Pick<BuiltLayer, "bytes" | "unpackedBytes">[]): MemoryNeed {
  const unpacked = layers.reduce((sum, layer) => sum + layer.unpackedBytes, 0);
  const packed = packedBytes(layers);
  const least = KERNEL_BYTES + Math.max(2 * unpacked + packed, unpacked + RUNTIME_BYTES);
  const bytes = Math.round(least / STEP_BYTES) * STEP_BYTES;
  const commonBytes = COMMON_BYTES.find((size) => size >= bytes) ?? Math.ceil(bytes / (1024 * MIB)) * 1024 * MIB;
  const warning = `this image needs a machine with ${commonBytes / MIB} MiB; less, and the kernel panics before /init`;
  return { bytes, commonBytes, ...(commonBytes > WARN_ABOVE_BYTES ? { warning } : {}) };
}
