import { MkinitrdError } from "../../core/errors.ts";
import { COMPRESSION_NAMES, COMPRESSIONS } from "../compressions.ts";
import type { KernelConfig } from "../plan/kernel-config.ts";
import type { Compression } from "./types.ts";

/** Notes on how an image will be compressed. Throws when the kernel could not unpack it: it would panic without a word of why. */
export function checkCompression({ format }: Compression, release: string, config: KernelConfig | undefined): string[] {
  if (config === undefined) {
    return format === "none" ? [] : [`the configuration of kernel ${release} (config-${release}) is not there: whether it unpacks ${format} was not checked`];
  }
  if (config.value("CONFIG_BLK_DEV_INITRD") !== "y") throw refused(release, config, "an initrd", "CONFIG_BLK_DEV_INITRD", "boot another kernel: this one takes no initrd");
  if (format === "none" || config.value(COMPRESSIONS[format].kernelSymbol) === "y") return [];
  const known = COMPRESSION_NAMES.filter((name) => config.value(COMPRESSIONS[name].kernelSymbol) === "y");
  throw refused(release, config, format, COMPRESSIONS[format].kernelSymbol, `choose another compression: ${[...known, "none"].join(", ")}`);
}

function refused(release: string, { file }: KernelConfig, what: string, symbol: string, next: string): MkinitrdError {
  return new MkinitrdError({ tried: "choosing the compression", on: what, found: `kernel ${release} does not unpack it: ${symbol} is not set in ${file}`, next });
}
