import { closeSync, openSync, readSync } from "node:fs";
import { MkinitrdError } from "../../core/errors.ts";
import { COMPRESSION_NAMES, COMPRESSIONS } from "../compressions.ts";
import { ARCHITECTURES, describeMachine, runs, type ArchitectureName } from "../architecture.ts";
import { imageMachine } from "../image/machine.ts";
import { describeIoError } from "../read-text.ts";

/** What the kernel unpacks: cpio, or one of its compressions. Documentation/driver-api/early-userspace/buffer-format.rst, lib/decompress.c */
const INITRD_BEGINNINGS = [Buffer.from("070701"), Buffer.from("070702"), ...COMPRESSION_NAMES.map((name) => COMPRESSIONS[name].magic)];

/** Throws for a file that is no initrd: it would end in the kernel's own panic, without a word about the file. */
export function checkImage(image: string): void {
  const head = readHead(image, 8);
  if (INITRD_BEGINNINGS.some((beginning) => head.subarray(0, beginning.length).equals(beginning))) return;
  throw new MkinitrdError({
    tried: "opening the image", on: image,
    found: head.length === 0 ? "it is empty" : `it begins with 0x${head.toString("hex")}: no cpio archive, and compressed in no way that the kernel knows`,
    next: "mkinitrd build makes one",
  });
}

/** Throws when a machine with this kernel runs none of the image's programs: that kernel would panic, and say "No working init found". */
export async function checkImageRuns(image: string, kernel: string, architecture: ArchitectureName): Promise<void> {
  const machine = await imageMachine(image);
  if (machine === undefined || runs(ARCHITECTURES[architecture], machine)) return;
  throw new MkinitrdError({
    tried: "booting the image", on: image,
    found: `its programs are for ${describeMachine(machine)}, and the kernel ${kernel} is for ${architecture}`,
    next: `name a kernel for ${describeMachine(machine)}: --kernel FILE`,
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
