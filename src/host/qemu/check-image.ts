import { closeSync, openSync, readSync } from "node:fs";
import { MkinitrdError } from "../../core/errors.ts";
import { describeIoError } from "../read-text.ts";

/** What the kernel unpacks: cpio, or one of its compressions. Documentation/driver-api/early-userspace/buffer-format.rst, lib/decompress.c */
const INITRD_BEGINNINGS = ["070701", "070702", "\x28\xb5\x2f\xfd", "\x1f\x8b", "\xfd7zXZ", "BZh", "\x5d\x00\x00", "\x89LZO", "\x02\x21\x4c\x18"];

/** Throws for a file that is no initrd: it would end in the kernel's own panic, without a word about the file. */
export function checkImage(image: string): void {
  const head = readHead(image, 8);
  if (INITRD_BEGINNINGS.some((beginning) => head.toString("latin1").startsWith(beginning))) return;
  throw new MkinitrdError({
    tried: "opening the image", on: image,
    found: head.length === 0 ? "it is empty" : `it begins with 0x${head.toString("hex")}: no cpio archive, and compressed in no way that the kernel knows`,
    next: "mkinitrd build makes one",
  });
}

function readHead(file: string, bytes: number): Buffer {
  try {
    const descriptor = openSync(file, "r");
    try {
      const head = Buffer.alloc(bytes);
      return head.subarray(0, readSync(descriptor, head, 0, bytes, 0));
    } finally {
      closeSync(descriptor);
    }
  } catch (cause) {
    throw new MkinitrdError({ tried: "opening the image", on: file, found: describeIoError(cause), cause });
  }
}
