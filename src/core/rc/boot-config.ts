import type { KindTable } from "../realroot/types.ts";

/** What the builder decides and the boot obeys: /etc/mkinitrd/boot.json in the image's site layer. */
export interface BootConfig {
  /** Boot steps in dependency order; a step starts when all that it requires have ended. */
  steps: BootStep[];
  /** The realroot kinds that this image serves, by keyword. */
  kinds: Record<string, BootKind>;
  /** The default spec, stages separated by blanks; empty for none. */
  realroot: string;
  /** The command line's realroot, translated and mkinitrd. words are ignored. */
  sealed: boolean;
  /** Some kind is an encrypted one: the rescue policy fails closed. */
  encrypted: boolean;
  /** How long to wait for a device. */
  timeoutMs: number;
  rescue: RescuePolicy;
  /** What the prompt calls the machine. */
  hostname?: string;
  /** The keymaps in the image, by name; a boot begins with the first. Absent where there are none. */
  keymaps?: string[];
  /** Short hash of what is in the image. */
  imageId: string;
}

/** What happens when a boot fails, beside what an encrypted image never does. */
export interface RescuePolicy {
  /** The argon2id hash of the password that a shell and the breaks want, where they want one. */
  passwordHash?: string;
  onFailure: "menu" | "reboot" | "poweroff" | "shell";
  /** How long a key may lead to the menu in place of that. */
  delayMs: number;
  /** So many rounds of wrong passphrases, and there is only reboot and power off. */
  rounds: number;
  /** Where the report of a failed boot is written to, beside /run/mkinitrd. */
  report?: ReportPlace;
}

/** A directory of a filesystem, by any name of its device that a realroot may hold. */
export interface ReportPlace {
  device: string;
  /** Absolute in it: `/`, `/EFI/mkinitrd`. */
  directory: string;
}

export const DEFAULT_RESCUE: RescuePolicy = { onFailure: "menu", delayMs: 30_000, rounds: 3 };

/** One boot step: its name, the script that exports `run`, and the steps that it waits for. */
export interface BootStep {
  name: string;
  /** Relative to /usr/lib/mkinitrd: `rc.d/devices.js`. */
  script: string;
  require: string[];
}

/** One realroot kind: its script, and what its spec may hold. */
export interface BootKind {
  script: string;
  fields: string[];
  options: string[];
  /** Its volumes hold secrets: an image that serves it is encrypted. */
  encrypted: boolean;
}

/** What the realroot parser needs to know of the kinds in an image. */
export function kindTable(config: BootConfig): KindTable {
  return Object.fromEntries(Object.entries(config.kinds).map(([kind, { fields, options }]) => [kind, { fields, options }]));
}
