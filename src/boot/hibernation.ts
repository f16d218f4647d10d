import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { openFile } from "../core/binary/file.ts";
import { window } from "../core/binary/source.ts";
import { probeSwap } from "../core/formats/swap.ts";
import type { Hibernation } from "../core/rc/types.ts";
import { RUN_DIRECTORY } from "./log.ts";

/** Where the kernel and this boot keep what is asked; tests have others. */
const PLACES = { power: "/sys/power", mounts: "/proc/mounts", smaps: "/proc/self/smaps", mark: `${RUN_DIRECTORY}/not-resumed` };

/** The kernel's resume from hibernation; Documentation/power/swsusp.rst and ABI/testing/sysfs-power. */
export function createHibernation(newRoot: string, places = PLACES): Hibernation {
  return {
    async obstacle() {
      if (!existsSync(`${places.power}/resume`)) return "this kernel can't resume";
      const isMounted = readFileSync(places.mounts, "utf8").split("\n").some((line) => line.split(" ")[1] === newRoot);
      if (isMounted || existsSync(places.mark)) return "the root was mounted in this boot already, and the image knows nothing of that";
      return undefined;
    },
    async giveUp() {
      writeFileSync(places.mark, "", { mode: 0o600 });
    },
    async probeArea(path, offsetPages) {
      const source = await openFile(path);
      try {
        const page = pageBytes(places.smaps);
        if ((offsetPages + 1) * page > source.sizeBytes) return undefined;
        return await probeSwap(window(source, offsetPages * page, page, path)); // the image of another page size is not for this kernel
      } finally {
        await source.close?.();
      }
    },
    async resume(number, offsetPages) {
      writeFileSync(`${places.power}/resume_offset`, String(offsetPages));
      await writeFile(`${places.power}/resume`, number); // on a thread: what the person is told still goes out
    },
  };
}

/** The kernel's page, the unit of resume_offset; proc(5), smaps. */
function pageBytes(smaps: string): number {
  const kib = /^KernelPageSize:\s+(\d+) kB$/m.exec(readFileSync(smaps, "latin1"))?.[1];
  return Number(kib ?? 4) * 1024;
}
