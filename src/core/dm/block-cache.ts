/** Blocks that were read and checked, up to a number of bytes; the ones that were used longest ago go first. */
export class BlockCache {
  private readonly limitBytes: number;
  private readonly blocks = new Map<string | number, Buffer>();
  private readonly pending = new Map<string | number, Promise<Buffer>>();
  private usedBytes = 0;

  constructor(limitBytes: number) {
    this.limitBytes = limitBytes;
  }

  /** The block of that key, read by `read` unless it is here; two that ask at once wait for one read. Not to be written to. */
  async get(key: string | number, read: () => Promise<Buffer>): Promise<Buffer> {
    const known = this.blocks.get(key);
    if (known !== undefined) {
      this.blocks.delete(key); // it is the newest now
      this.blocks.set(key, known);
      return known;
    }
    const running = this.pending.get(key) ?? this.start(key, read);
    return running;
  }

  private start(key: string | number, read: () => Promise<Buffer>): Promise<Buffer> {
    const started = read().then((block) => this.keep(key, block)).finally(() => this.pending.delete(key));
    this.pending.set(key, started);
    return started;
  }

  private keep(key: string | number, block: Buffer): Buffer {
    this.blocks.set(key, block);
    this.usedBytes += block.length;
    for (const [oldest, { length }] of this.blocks) {
      if (this.usedBytes <= this.limitBytes) break;
      this.blocks.delete(oldest);
      this.usedBytes -= length;
    }
    return block;
  }
}
