import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { command, say } from "./command.js";
import { withLock } from "./lock.js";
import { findProgram } from "./packages.js";
import { cache } from "./paths.js";
import { STABLE, stableApt } from "./stable-apt.js";

/** ukify, what it is written with, the stub of a unified kernel image, and a UEFI firmware to boot one. */
const PACKAGES = ["systemd-ukify", "python3-pefile", "systemd-boot-efi", "ovmf"];

/** Where those of Debian stable are unpacked, for tests. */
export const ukiTools = join(cache, "uki");

/** Downloads and unpacks them, unless they are there; where they can't be had, says so: tests skip what wants them. */
export async function fetchUkiTools() {
  if (existsSync(ukiTools)) return;
  if (findProgram("python3") === undefined || findProgram("apt-get") === undefined) return say("going on without ukify: it needs python3 and apt-get");
  try {
    mkdirSync(cache, { recursive: true });
    await withLock(join(cache, ".uki.lock"), async () => {
      if (existsSync(ukiTools)) return;
      const folder = mkdtempSync(join(cache, ".uki-"));
      try {
        say(`downloading ukify and OVMF of Debian ${STABLE}`);
        const apt = await stableApt(join(folder, "apt"));
        await apt("apt-get", ["download", "-qq", ...PACKAGES], { cwd: folder });
        for (const file of readdirSync(folder).filter((name) => name.endsWith(".deb"))) await command("dpkg", ["-x", join(folder, file), join(folder, "root")]);
        renameSync(join(folder, "root"), ukiTools);
      } finally {
        rmSync(folder, { recursive: true, force: true });
      }
    });
  } catch (error) {
    say(`going on without ukify of Debian ${STABLE}: ${error instanceof Error ? error.message : String(error)}`);
  }
}
