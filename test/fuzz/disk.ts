import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { checkRange, type Source } from "../../src/core/binary/source.ts";

/** A disk to begin with: what it holds is read in pieces, since an image may be larger than memory. */
export interface Base {
  name: string;
  sizeBytes: number;
  read(offsetBytes: number, lengthBytes: number): Buffer;
}

/** Bytes that stand in the place of a disk's own. */
export interface Patch {
  at: number;
  bytes: Buffer;
}

/** A damaged disk: those of a later patch count. */
export interface Disk {
  base: Base;
  patches: Patch[];
  /** What is left of it. */
  sizeBytes: number;
}

/** What a case may take, in sum. */
export interface Limits {
  reads: number;
  readBytes: number;
  /** In buffers at one time, beside what was there before. */
  heldBytes: number;
}

/** A case went over a limit: no error of ours, so that a reader which goes on behind a damaged part does not go on behind this. */
export class OverLimit extends Error {
  constructor(message: string) {
    super(message);
    this.name = "OverLimit";
  }
}

/** Counts what a case takes; `check` throws for what went over, also where a reader has swallowed it. */
export class Meter {
  reads = 0;
  readBytes = 0;
  mostHeldBytes = 0;
  readonly limits: Limits;
  private readonly heldBefore: number;

  constructor(limits: Limits) {
    this.limits = limits;
    this.heldBefore = process.memoryUsage().arrayBuffers;
  }

  count(lengthBytes: number): void {
    this.reads++;
    this.readBytes += lengthBytes;
    if (lengthBytes >= 65536 || this.reads % 64 === 0) this.look();
    this.check();
  }

  /** What the collector has not taken yet counts only where it would stay. */
  look(): void {
    let held = process.memoryUsage().arrayBuffers - this.heldBefore;
    if (held > this.limits.heldBytes) {
      collect();
      held = process.memoryUsage().arrayBuffers - this.heldBefore;
    }
    this.mostHeldBytes = Math.max(this.mostHeldBytes, held);
  }

  check(): void {
    const { heldBytes, readBytes, reads } = this.limits;
    if (this.reads > reads) throw new OverLimit(`${this.reads} reads, more than ${reads}`);
    if (this.readBytes > readBytes) throw new OverLimit(`${this.readBytes} bytes read, more than ${readBytes}`);
    if (this.mostHeldBytes > heldBytes) throw new OverLimit(`${this.mostHeldBytes} bytes in buffers, more than ${heldBytes}`);
  }
}

/** Node has a door to the collector only for who asks; node:v8, setFlagsFromString. */
function collect(): void {
  setFlagsFromString("--expose-gc");
  (runInNewContext("gc") as () => void)();
}

/** The bytes of a damaged disk. */
export function readDisk({ base, patches, sizeBytes }: Disk, offsetBytes: number, lengthBytes: number): Buffer {
  const whole = Buffer.alloc(lengthBytes);
  const fromBase = Math.min(lengthBytes, base.sizeBytes - offsetBytes, sizeBytes - offsetBytes);
  if (fromBase > 0) base.read(offsetBytes, fromBase).copy(whole);
  for (const { at, bytes } of patches) {
    const [from, to] = [Math.max(at, offsetBytes), Math.min(at + bytes.length, offsetBytes + lengthBytes)];
    if (from < to) bytes.copy(whole, from - offsetBytes, from - at, to - at);
  }
  return whole;
}

/** The disk as its reader sees it. */
export function diskSource(disk: Disk, meter: Meter): Source {
  const { base: { name }, sizeBytes } = disk;
  return {
    name,
    sizeBytes,
    async read(offsetBytes, lengthBytes) {
      checkRange({ name, sizeBytes }, offsetBytes, lengthBytes);
      meter.count(lengthBytes);
      return readDisk(disk, offsetBytes, lengthBytes);
    },
  };
}
