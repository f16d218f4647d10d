import { readFileSync } from "node:fs";
import type { BootConfig } from "../core/rc/boot-config.ts";
import { splitCommandLine } from "../core/realroot/words.ts";

/** Ours, and dracut's. */
const SHELL_WORDS = ["mkinitrd.shell", "rd.shell"];
const CONFIG_FILE = "/etc/mkinitrd/boot.json";

/** What the builder decided. Throws when it can't be read. */
export function readConfig(file = CONFIG_FILE): BootConfig {
  return JSON.parse(readFileSync(file, "utf8")) as BootConfig;
}

/** The kernel's command line. */
export function readCommandLine(): string {
  return readFileSync("/proc/cmdline", "utf8").trim();
}

/**
 * Whether the person at the console may have a shell: in an image that says that it serves no encrypted kind, unless the
 * command line forbids it, be the rest of it right or wrong. Without a configuration nobody may.
 */
export function givesShell(config: BootConfig | undefined, commandLine: string): boolean {
  const forbidden = splitCommandLine(commandLine).some(({ key, value }) => SHELL_WORDS.includes(key) && value === "0");
  return config?.encrypted === false && !forbidden;
}
