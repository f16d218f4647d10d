import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { MkinitrdError } from "../../core/errors.ts";
import { describeIoError } from "../read-text.ts";
import type { ModuleIndex } from "./module-index.ts";

/** What a kernel was built with: the text that its package has as /boot/config-RELEASE. */
export interface KernelConfig {
  file: string;
  /** `y`, `m` or another value of a symbol, as CONFIG_RD_ZSTD; undefined when it is not set. */
  value(symbol: string): string | undefined;
}

/** Reads the configuration of a kernel; undefined when none of its usual places has it (one inside of the kernel, IKCONFIG, is not looked for). */
export function readKernelConfig({ directory, release }: Pick<ModuleIndex, "directory" | "release">, sysroot: string): KernelConfig | undefined {
  const file = configPlaces(directory, release, sysroot).find((path) => existsSync(path));
  return file === undefined ? undefined : parseKernelConfig(readText(file), file);
}

/** Where the configuration may be: beside the modules first, since a kernel of that release may be elsewhere, too. */
export function configPlaces(directory: string, release: string, sysroot: string): string[] {
  const [, root] = /^(.*?)(?:\/usr)?\/lib\/modules\/[^/]+\/?$/.exec(directory) ?? [];
  const boots = [...(root === undefined ? [] : [join(root, "/boot")]), join(sysroot, "boot")];
  return [join(directory, "config"), ...[...new Set(boots)].map((boot) => join(boot, `config-${release}`)), join(directory, "build/.config")];
}

/** `CONFIG_RD_ZSTD=y`, one in a line; those that are not set are comments. */
export function parseKernelConfig(text: string, file: string): KernelConfig {
  return { file, value: (symbol) => new RegExp(`^${symbol}=(.*)$`, "m").exec(text)?.[1] };
}

function readText(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (cause) {
    throw new MkinitrdError({ tried: "reading the kernel's configuration", on: file, found: describeIoError(cause), cause });
  }
}
