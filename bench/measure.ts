import { join } from "node:path";
import { explain } from "../src/core/errors.ts";
import { packageRoot } from "../src/host/package-root.ts";
import { buildDisks, type BuiltDisk } from "../src/host/qemu/disks.ts";
import { readRecipe } from "../src/host/qemu/recipe-schema.ts";
import type { VmKernel } from "../src/host/qemu/vm-kernel.ts";
import { type BootFigures, compareBoots, type Contestant, type Hardware } from "./boots.ts";
import { type BuildFigures, measureBuilds, type Say } from "./builds.ts";
import { type CompressionFigures, measureCompressions } from "./compressions.ts";
import { buildOurs, buildPeer, type Entrant, type ImageFigures } from "./contestants.ts";
import { type CryptFigures, measureCrypt } from "./crypt.ts";
import { type DumpFigures, type InspectFigures, measureDump, measureInspect } from "./disks.ts";
import { workDirectory } from "./host.ts";
import { measureMemory, type MemoryFigures } from "./memory.ts";
import { findSmallestGuest, type SmallestFigures } from "./smallest.ts";

export const PARTS = ["builds", "compressions", "crypt", "disks", "boots", "memory", "smallest"] as const;
export type Part = (typeof PARTS)[number];

const WITHOUT_DISKS: readonly Part[] = ["builds", "compressions", "crypt", "disks"];

/** What is to be measured, and on what. */
export interface Order {
  parts: Part[];
  rounds: number;
  /** Debian's initramfs-tools takes part in the boots. */
  peer: boolean;
  kernel: VmKernel;
  hardware: Hardware;
}

/** What was measured; a part that was not asked for, or failed, is absent. Images and boots by contestant. */
export interface Measured {
  builds?: BuildFigures[];
  compressions?: CompressionFigures[];
  crypt?: CryptFigures[];
  dump?: DumpFigures;
  inspect?: InspectFigures[];
  images: Record<string, ImageFigures>;
  boots: Record<string, BootFigures[]>;
  memory?: MemoryFigures;
  smallest?: SmallestFigures;
  /** Why a part is missing. */
  problems: string[];
}

/** On the disk of images/local-ext4.yaml. */
const PLAIN_ROOT = "/dev/vda2";
const SLOWER_BY = 3; // a guest that is short of memory, on a machine that others use
const SMALLEST_LEAST_MS = 60_000;

/** Measures part by part. One that fails becomes a problem, and the others go on. */
export async function measure({ parts, rounds, peer, kernel, hardware }: Order, say: Say): Promise<Measured> {
  const directory = workDirectory();
  const measured: Measured = { images: {}, boots: {}, problems: [] };
  const attempt = async (part: Part, what: string, work: () => Promise<void>): Promise<void> => {
    if (!parts.includes(part)) return;
    await work().catch((error: unknown) => void measured.problems.push(`${what}: ${explain(error)}`));
  };

  await attempt("builds", "builds", async () => { measured.builds = await measureBuilds(kernel, directory, rounds, say); });
  await attempt("compressions", "compressions", async () => { measured.compressions = await measureCompressions(kernel, hardware, directory, rounds, say); });
  await attempt("crypt", "crypt targets", async () => { measured.crypt = await measureCrypt(rounds, say); });
  await attempt("disks", "dump", async () => { measured.dump = await measureDump(directory, rounds, say); });
  await attempt("disks", "inspect", async () => { measured.inspect = await measureInspect(directory, rounds, say); });
  if (parts.every((part) => WITHOUT_DISKS.includes(part))) return measured;

  const recipes = ["lvm-in-luks", "local-ext4"].map((name) => readRecipe(join(packageRoot(), `images/${name}.yaml`)));
  say("disks, from the cache if they are there");
  const [luks, plain] = await buildDisks(recipes) as [BuiltDisk, BuiltDisk];
  const entrants: Entrant[] = [];
  const admit = async (entrant: Promise<Entrant>): Promise<Entrant> => {
    const admitted = await entrant;
    entrants.push(admitted);
    measured.images[admitted.name] = admitted.image;
    return admitted;
  };
  const generic = await admit(buildOurs("generic", luks, kernel, directory));

  await attempt("boots", "the image at zstd:19", async () => {
    say("image at zstd:19; the first time it takes a minute");
    measured.images["generic, zstd:19"] = (await buildOurs("generic, zstd:19", luks, kernel, directory)).image;
  });
  await attempt("boots", "the image with listed modules", async () => void await admit(buildOurs("listed", luks, kernel, directory)));
  if (peer) {
    await attempt("boots", "the image of initramfs-tools", async () => {
      say("image of initramfs-tools; the first time a Debian is bootstrapped for it");
      await admit(buildPeer(luks, kernel, directory));
    });
  }
  await attempt("boots", "boots", async () => { measured.boots = await compareBoots(entrants, hardware, rounds, say); });
  await attempt("memory", "memory", async () => {
    const local: Contestant = { name: "generic", initrd: generic.initrd, disk: plain.files[0]!, append: `realroot=${plain.recipe.realroot}` };
    measured.memory = await measureMemory({ contestant: local, rootDevice: PLAIN_ROOT, kernel, hardware, rounds, directory }, say);
  });
  await attempt("smallest", "the smallest guest", async () => {
    measured.smallest = await findSmallestGuest(generic, hardware, generic.image.estimateMiB ?? 0, patienceMs(measured.boots["generic"] ?? []), say);
  });
  return measured;
}

/** How long a guest may take that might be too small. */
function patienceMs(boots: BootFigures[]): number {
  const slowest = Math.max(0, ...boots.map(({ promptSeconds = 0, unlockSeconds = 0 }) => promptSeconds + unlockSeconds));
  return Math.max(SMALLEST_LEAST_MS, slowest * SLOWER_BY * 1000);
}
