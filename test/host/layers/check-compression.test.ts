import { describe, expect, test } from "vitest";
import { COMPRESSION_NAMES } from "../../../src/host/compressions.ts";
import { checkCompression } from "../../../src/host/layers/check-compression.ts";
import { withLevel } from "../../../src/host/config/compression.ts";
import { parseKernelConfig } from "../../../src/host/plan/kernel-config.ts";

const ALL = ["BLK_DEV_INITRD", "RD_GZIP", "RD_BZIP2", "RD_LZMA", "RD_XZ", "RD_LZO", "RD_LZ4", "RD_ZSTD"];
const without = (symbol: string) => parseKernelConfig(ALL.map((each) => (each === symbol ? `# CONFIG_${each} is not set\n` : `CONFIG_${each}=y\n`)).join(""), "/boot/config-6.1");

describe.each([
  { format: "zstd", symbol: "RD_ZSTD" },
  { format: "gzip", symbol: "RD_GZIP" },
  { format: "xz", symbol: "RD_XZ" },
  { format: "lz4", symbol: "RD_LZ4" },
  { format: "lzma", symbol: "RD_LZMA" },
  { format: "bzip2", symbol: "RD_BZIP2" },
  { format: "lzop", symbol: "RD_LZO" },
] as const)("$format", ({ format, symbol }) => {
  test(`is refused where the kernel has no CONFIG_${symbol}, with those that it has`, () => {
    const others = [...COMPRESSION_NAMES.filter((name) => name !== format), "none"].join(", ");
    expect(() => checkCompression(withLevel(format), "6.1", without(symbol)))
      .toThrow(`choosing the compression on ${format}: kernel 6.1 does not unpack it: CONFIG_${symbol} is not set in /boot/config-6.1\n  next: choose another compression: ${others}`);
  });

  test("is taken by one that has", () => {
    expect(checkCompression(withLevel(format), "6.1", without("NOTHING"))).toEqual([]);
  });
});

test("an image that is not compressed needs a kernel that takes an initrd", () => {
  expect(checkCompression({ format: "none" }, "6.1", parseKernelConfig("CONFIG_BLK_DEV_INITRD=y\n", "config"))).toEqual([]);
  expect(() => checkCompression({ format: "none" }, "6.1", without("BLK_DEV_INITRD"))).toThrow(/CONFIG_BLK_DEV_INITRD is not set/);
});

test("where the configuration is not there a note says that nothing was checked", () => {
  expect(checkCompression(withLevel("xz"), "6.1", undefined)).toEqual(["the configuration of kernel 6.1 (config-6.1) is not there: whether it unpacks xz was not checked"]);
});
