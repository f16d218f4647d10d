import { closeSync, openSync, readSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { COMPRESSION_NAMES, COMPRESSIONS, type CompressionName } from "../../src/host/compressions.ts";
import { bootRecipe, describeVm, vmImage } from "./boot-helper.ts";

/** Quick ones: what a kernel unpacks does not depend on the level. */
const LEVELS: Record<CompressionName, number> = { zstd: 1, gzip: 1, xz: 0, lz4: 1, lzma: 0, bzip2: 1, lzop: 1 };
/** Its end is the only one that the kernel does not find by itself; the others take as long and boot with MKINITRD_TEST_ALL=1. */
const ALWAYS: CompressionName[] = ["lz4"];

describe.each(COMPRESSION_NAMES)("an image as %s", (format) => {
  const { magic, program } = COMPRESSIONS[format];
  describeVm(`unpacked by the kernel (${program})`, () => {
    test.runIf(process.env["MKINITRD_TEST_ALL"] || ALWAYS.includes(format))("boots", async () => {
      const image = await vmImage({ compression: { format, level: LEVELS[format] } });
      expect(beginning(image, magic.length)).toEqual(magic);
      const guest = await bootRecipe("local-ext4", { image });
      expect(await guest.waitFor(/REALROOT .*\n/)).toMatch(/root=\/dev\/vda2:ext4:ro /);
    });
  }, [program]);
});

describeVm("an image that is not compressed", () => {
  test.runIf(process.env["MKINITRD_TEST_ALL"])("boots", async () => {
    const image = await vmImage({ compression: { format: "none" } });
    expect(beginning(image, 6).toString()).toBe("070701");
    const guest = await bootRecipe("local-ext4", { image });
    expect(await guest.waitFor(/REALROOT .*\n/)).toMatch(/root=\/dev\/vda2:ext4:ro /);
  });
});

function beginning(file: string, length: number): Buffer {
  const descriptor = openSync(file, "r");
  try {
    const bytes = Buffer.alloc(length);
    readSync(descriptor, bytes, 0, length, 0);
    return bytes;
  } finally {
    closeSync(descriptor);
  }
}
