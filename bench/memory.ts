import { join } from "node:path";
import { MkinitrdError } from "../src/core/errors.ts";
import type { VmKernel } from "../src/host/qemu/vm-kernel.ts";
import { writeBaseline } from "./baseline.ts";
import { type Boot, bootSteadily, type BootFigures, type Contestant, type Hardware } from "./boots.ts";
import type { Say } from "./builds.ts";
import { parseLoadedModules, parseShownFile } from "./console.ts";
import { median } from "./figures.ts";

const MODULES = "/proc/modules";

/** Free memory in the real root with our image, and with an initrd of which nothing can be left. */
export interface MemoryFigures {
  ours: BootFigures[];
  baseline: BootFigures[];
  /** What our image left behind: the difference of the medians of `freeKib`. */
  leftKib: number;
  /** Loaded in both. */
  modules: string[];
}

/** What is compared. */
export interface MemoryOrder {
  /** Our image and a disk with a plain ext4 root. */
  contestant: Contestant;
  /** Where that root is, for the baseline: /dev/vda2. */
  rootDevice: string;
  kernel: VmKernel;
  hardware: Hardware;
  rounds: number;
  directory: string;
}

/**
 * Boots a plain ext4 root with our image and with the baseline, in turn. The baseline loads the modules that ours had loaded:
 * what remains as a difference is what our image has left in memory.
 */
export async function measureMemory({ contestant: ours, rootDevice, kernel, hardware, rounds, directory }: MemoryOrder, say: Say): Promise<MemoryFigures> {
  say("memory: our image on a plain root, to see which modules it loads");
  const shown = { ...ours, append: `${ours.append} realroot.cat=${MODULES}` };
  const first = await bootSteadily(shown, hardware, say);
  const modules = loadedModules(first);
  const initrd = join(directory, "baseline.img");
  await writeBaseline(initrd, modules, kernel);
  const baseline: Contestant = { name: "baseline", initrd, disk: ours.disk, append: `root_device=${rootDevice} realroot.cat=${MODULES}` };
  const results: { ours: BootFigures[]; baseline: BootFigures[] } = { ours: [first.figures], baseline: [] };
  for (let round = 1; round <= rounds; round++) {
    say(`memory: round ${round} of ${rounds}`);
    if (round > 1) results.ours.push((await bootSteadily(shown, hardware, say)).figures);
    const boot = await bootSteadily(baseline, hardware, say);
    const missing = modules.filter((name) => !loadedModules(boot).includes(name));
    if (missing.length > 0) throw new MkinitrdError({ tried: "loading the same modules", on: "the baseline", found: `it could not load ${missing.join(", ")}` });
    results.baseline.push(boot.figures);
  }
  return { ...results, leftKib: medianFree(results.baseline) - medianFree(results.ours), modules };
}

function loadedModules({ console }: Boot): string[] {
  return parseLoadedModules(parseShownFile(console, MODULES));
}

function medianFree(boots: BootFigures[]): number {
  return median(boots.map(({ freeKib }) => freeKib));
}
