import { setTimeout as sleep } from "node:timers/promises";
import { MkinitrdError } from "../src/core/errors.ts";
import { startGuest } from "../src/host/qemu/guest.ts";
import { kernelCommandLine, type Machine } from "../src/host/qemu/machine.ts";
import type { Say } from "./builds.ts";
import { parsePerCpuFreeKib, parseRootReport, parseShownFile, parseTimeline, type RootReport, type TimelinePoint } from "./console.ts";
import { loadAverage } from "./host.ts";

/** What the root's init shows: the boot's own log, which moves into the real root with /run, and the kernel's free pages. */
const [BOOT_LOG, ZONES] = ["/run/mkinitrd/log", "/proc/zoneinfo"];
const SHOW = `realroot.cat=${BOOT_LOG} realroot.cat=${ZONES}`;
const TYPE_AFTER_MS = 300; // the same pause for all; whoever asks may still be setting its terminal up
const WITHIN_MS = 300_000;
const MOST_TRIES = 4;
const ROOT_LINE = /REALROOT uptime=\S+ .*arguments=/;
const SETTLED_LINE = /REALROOT-SETTLED .*missing=/;

/** The machine that all boots of a comparison share. */
export type Hardware = Pick<Machine, "kernel" | "accelerator" | "memoryMiB">;

/** An image, the disk that it boots, and how. */
export interface Contestant {
  name: string;
  initrd: string;
  disk: string;
  /** Words for the kernel command line. */
  append: string;
  /** What is typed at which text on the console; absent where nothing is asked. */
  answer?: { prompt: string; secret: string };
}

/** What one boot took. Seconds are the host's unless they are said to be uptime. */
export interface BootFigures {
  /** From QEMU's start to the prompt, firmware and kernel included. */
  promptSeconds?: number;
  /** From typing the passphrase to the root's line. */
  unlockSeconds?: number;
  /** QEMU's processor seconds when the root's line came. */
  cpuSeconds: number;
  root: RootReport;
  /** Free in the real root after the caches were dropped: MemFree, and what lies on the processors' own lists. */
  freeKib: number;
  /** Empty for an image that is not ours. */
  timeline: TimelinePoint[];
  /** Of the host, when the boot began. */
  load: number;
  /** How often it was started anew, because TCG had broken the guest. */
  restarts: number;
}

/** A boot's figures, and all that its console showed. */
export interface Boot {
  figures: BootFigures;
  console: string;
}

/** Boots the contestants one at a time, in turn, `rounds` times; each list has one entry for a round. */
export async function compareBoots(contestants: Contestant[], hardware: Hardware, rounds: number, say: Say): Promise<Record<string, BootFigures[]>> {
  const results: Record<string, BootFigures[]> = Object.fromEntries(contestants.map(({ name }) => [name, []]));
  for (let round = 0; round < rounds; round++) {
    // Another one begins each round: what follows a heavy neighbour is not always the same.
    const order = contestants.map((_, i) => contestants[(i + round) % contestants.length]!);
    for (const contestant of order) {
      say(`boot of ${contestant.name}: round ${round + 1} of ${rounds}`);
      const { figures } = await bootSteadily(contestant, hardware, say);
      say(`  ${figures.root.uptimeSeconds} s of uptime at the root's init, ${figures.cpuSeconds.toFixed(1)} processor seconds`);
      results[contestant.name]!.push(figures);
    }
  }
  return results;
}

/** A boot that TCG did not break: one that was started anew has figures of another machine, and is made again. */
export async function bootSteadily(contestant: Contestant, hardware: Hardware, say: Say): Promise<Boot> {
  for (let attempt = 1, restarts = 0; ; attempt++) {
    const outcome = await bootOnce(contestant, hardware).catch((error: unknown) => error);
    if (!isBoot(outcome)) {
      if (attempt === MOST_TRIES) throw outcome;
      say(`  ${contestant.name} did not boot; once more (${outcome instanceof Error ? outcome.message.split("\n")[0] : String(outcome)})`);
      restarts++;
      continue;
    }
    restarts += outcome.figures.restarts;
    if (outcome.figures.restarts === 0 || attempt === MOST_TRIES) return { ...outcome, figures: { ...outcome.figures, restarts } };
    say(`  TCG broke the guest before /init; once more`);
  }
}

function isBoot(outcome: unknown): outcome is Boot {
  return typeof outcome === "object" && outcome !== null && "figures" in outcome;
}

/** Boots until the root's init has said everything. Throws with the console's text when it does not get there. */
export async function bootOnce({ initrd, disk, append, answer }: Contestant, hardware: Hardware, timeoutMs = WITHIN_MS): Promise<Boot> {
  const load = loadAverage();
  const started = performance.now();
  const guest = startGuest({
    ...hardware, initrd, smp: 2, console: "ttyS0", disks: [{ file: disk, format: "raw", snapshot: true }],
    append: kernelCommandLine(`quiet ${SHOW} ${append}`),
  });
  try {
    const within = (): { timeoutMs: number } => ({ timeoutMs: Math.max(1, timeoutMs - (performance.now() - started)) });
    let [prompted, typed] = [0, 0];
    if (answer !== undefined) {
      await guest.waitFor(answer.prompt, within());
      prompted = performance.now();
      await sleep(TYPE_AFTER_MS);
      typed = performance.now();
      guest.type(`${answer.secret}\r`);
    }
    await guest.waitFor(ROOT_LINE, within());
    const [reached, cpuSeconds] = [performance.now(), guest.cpuSeconds()];
    await guest.waitFor(SETTLED_LINE, within());
    await guest.waitFor("REALROOT-END", within());
    const exit = await Promise.race([guest.exited, sleep(within().timeoutMs, undefined, { ref: false })]);
    if (exit === undefined) throw new MkinitrdError({ tried: "waiting for the power-off", on: "the guest", found: "it still runs" });
    const waits = answer === undefined ? {} : { promptSeconds: (prompted - started) / 1000, unlockSeconds: (reached - typed) / 1000 };
    const console = guest.log();
    const root = parseRootReport(console);
    return {
      console,
      figures: {
        ...waits, cpuSeconds, root, load, restarts: guest.restarts(),
        freeKib: root.settledFreeKib + parsePerCpuFreeKib(parseShownFile(console, ZONES)),
        timeline: parseTimeline(parseShownFile(console, BOOT_LOG)),
      },
    };
  } finally {
    await guest.end();
  }
}
