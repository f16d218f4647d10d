import { readFileSync } from "node:fs";
import { type BootConfig, DEFAULT_RESCUE, type RescuePolicy } from "../core/rc/boot-config.ts";
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

/** The policy of this image on this command line, and who may have a shell: anybody, who knows the password, or nobody. */
export interface Rescue extends RescuePolicy {
  shell: "open" | "password" | "never";
}

/**
 * What is done when the boot fails. A shell is for anybody in an image that says that it serves no encrypted kind and has no
 * password; the command line may forbid it, be the rest of it right or wrong. Without a configuration nobody gets one.
 */
export function readRescue(config: BootConfig | undefined, commandLine: string): Rescue {
  const forbidden = splitCommandLine(commandLine).some(({ key, value }) => SHELL_WORDS.includes(key) && value === "0");
  const policy = config?.rescue ?? DEFAULT_RESCUE;
  const shell = forbidden ? "never" : policy.passwordHash !== undefined ? "password" : config?.encrypted === false ? "open" : "never";
  return { ...policy, shell, onFailure: policy.onFailure === "shell" && shell === "never" ? "menu" : policy.onFailure };
}
