import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { checkRange, type Source } from "../../core/binary/source.ts";
import { MkinitrdError } from "../../core/errors.ts";

/** Lets `use` read a file of the build machine and closes it afterwards. Meant for the small reads of headers. */
export async function withFile<T>(path: string, use: (source: Source) => Promise<T>): Promise<T> {
  const descriptor = open(path);
  try {
    return await use(descriptorSource(descriptor, path));
  } finally {
    closeSync(descriptor);
  }
}

/** Reads block: headers lie in the page cache, and a trip to the thread pool costs more than such a read. */
function descriptorSource(descriptor: number, name: string): Source {
  const { size } = fstatSync(descriptor);
  const source: Source = {
    name,
    sizeBytes: size,
    async read(offsetBytes, lengthBytes) {
      checkRange(source, offsetBytes, lengthBytes);
      const bytes = Buffer.alloc(lengthBytes);
      let filled = 0;
      while (filled < lengthBytes) {
        const count = readSync(descriptor, bytes, filled, lengthBytes - filled, offsetBytes + filled);
        if (count === 0) throw new MkinitrdError({ tried: "reading", on: name, found: `it ended at byte ${offsetBytes + filled}` });
        filled += count;
      }
      return bytes;
    },
  };
  return source;
}

function open(path: string): number {
  try {
    return openSync(path, "r");
  } catch (cause) {
    throw new MkinitrdError({ tried: "opening a file for the image", on: path, found: describe(cause), cause });
  }
}

/** `EACCES: permission denied` of a system call's error. */
function describe(cause: unknown): string {
  return cause instanceof Error ? cause.message.replace(/, \w+ '.*$/, "") : String(cause);
}
