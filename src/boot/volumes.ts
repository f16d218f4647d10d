import { explain, type MkinitrdError } from "../core/errors.ts";
import type { FindLogicalOptions, FindOptions, Log, OpenVolume, Volumes } from "../core/rc/types.ts";
import type { Stage } from "../core/realroot/types.ts";
import { areMembers, findVolumes } from "../core/volumes/match.ts";
import type { Volume } from "../core/volumes/types.ts";
import { arrayStage, type ArrayVolume, isArray, promisingArray, wholeArray } from "./arrays.ts";
import { lvmStage, stageBelow } from "./below.ts";
import type { CrypttabStages } from "./crypttab.ts";
import type { DeviceWatch } from "./devices.ts";
import { findLogicalVolumes, type LogicalVolume, logicalNotFound, unreadLogical } from "./logical-volumes.ts";
import type { StageRunner } from "./stages.ts";
import { ambiguous, membersMissing, notFound } from "./volume-errors.ts";

/** A wait shorter than this needs no countdown on the screen. */
const QUIET_WAIT_MS = 1000;
/** A deadline begins when the first drivers are in, on a slow machine too; but no later than this, should one hang. */
const DRIVERS_WITHIN_MS = 30_000;

export interface VolumesOptions {
  devices: DeviceWatch;
  stages: StageRunner;
  log: Log;
  timeoutMs: number;
  /** The stages that wait for what is looked for, the innermost last. */
  chain: Stage[];
  /** What /etc/crypttab of the image lets us open when something needed is missing. */
  crypttab?: CrypttabStages;
  /** Shows what is waited for and how many seconds are left; `undefined` when the wait is over, with whether it was found. */
  showWaiting(text: string | undefined, isFound?: boolean): void;
  /** Probes every block device. */
  scan(): Promise<Volume[]>;
}

interface WaitOptions<T> {
  /** In place of the boot's own. */
  timeoutMs?: number;
  /** Ends the wait as its deadline does. */
  signal?: AbortSignal;
  /** What will do when nothing better came within `afterMs`. */
  second?: { afterMs?: number; look(volumes: Volume[]): T | undefined };
  /** How the countdown calls it, when not by its name. */
  waitingFor?: string;
  /** The error for when nothing came, where there is more to say than that. */
  absent?(volumes: Volume[], timeoutMs: number): MkinitrdError | undefined;
}

/** Finds volumes for one stage, opening what lies under them where another stage names it. */
export function createVolumes(options: VolumesOptions): Volumes {
  const { devices, stages, log, chain, scan } = options;

  /** Looks again at each change until `look` gives something, and lets other stages open what may lie below. */
  async function waitFor<T>(wanted: string, look: (volumes: Volume[]) => Promise<T | undefined>, { second, absent, waitingFor = wanted, signal, ...given }: WaitOptions<T> = {}): Promise<T> {
    const timeoutMs = Math.max(given.timeoutMs ?? options.timeoutMs, second?.afterMs ?? 0);
    const tried = new Set<string>();
    const beganMs = performance.now(); // not the time of day, which the driver of a clock sets
    let startedMs = beganMs;
    let driversAreIn = false;
    let isFound = true;
    try {
      for (;;) {
        const { generation } = devices;
        const volumes = await scan();
        const found = await look(volumes);
        if (found !== undefined) return found;
        const below = stageBelow(wanted, volumes, stages, chain) ?? options.crypttab?.below({ wanted, volumes, stages, chain, waitedMs: performance.now() - startedMs });
        if (below !== undefined) {
          await stages.serveFor(chain, below);
          startedMs = performance.now(); // a person may have taken all of the time to type
          continue;
        }
        const array = promisingArray(volumes, tried);
        if (array !== undefined) {
          tried.add(array.md.uuid);
          await stages.serveFor(chain, arrayStage(array, stages.unserved())).catch((error: unknown) => log.warn(explain(error)));
          continue;
        }
        if (!driversAreIn) startedMs = performance.now(); // also at the first look that finds them in
        driversAreIn = devices.settled || performance.now() - beganMs >= DRIVERS_WITHIN_MS;
        const waitedMs = performance.now() - startedMs;
        const unread = unreadLogical(wanted, waitedMs, volumes, tried);
        if (unread !== undefined) {
          tried.add(unread.lvUuid);
          await stages.serveFor(chain, lvmStage(`${unread.vg}/${unread.lv}`, unread.vgUuid)).catch((error: unknown) => log.warn(explain(error)));
          continue;
        }
        const secondBest = second?.look(volumes);
        const leftMs = signal?.aborted ? 0 : (secondBest === undefined ? timeoutMs : (second?.afterMs ?? timeoutMs)) - waitedMs;
        if (leftMs <= 0 && secondBest !== undefined) return secondBest;
        if (leftMs <= 0) throw absent?.(volumes, timeoutMs) ?? notFound(wanted, timeoutMs, volumes);
        if (waitedMs >= QUIET_WAIT_MS) options.showWaiting(`Waiting for ${waitingFor}: ${Math.ceil(leftMs / 1000)} s left`);
        const news = devices.changed(generation, Math.min(leftMs, waitedMs < QUIET_WAIT_MS ? QUIET_WAIT_MS : leftMs % 1000 || 1000));
        await (signal === undefined ? news : Promise.race([news, aborted(signal)]));
      }
    } catch (error) {
      isFound = false;
      throw error;
    } finally {
      options.showWaiting(undefined, isFound);
    }
  }

  async function findLogical(name: string, { vgUuid, degraded }: FindLogicalOptions = {}): Promise<LogicalVolume> {
    const candidates = (volumes: Volume[]) => findLogicalVolumes(volumes, name, vgUuid);
    return waitFor(
      name,
      async (volumes) => candidates(volumes).find(({ lv }) => lv.active || lv.missingPvs.length === 0),
      {
        ...(degraded === undefined ? {} : { second: { ...degraded, look: (volumes: Volume[]) => candidates(volumes).find(({ lv }) => lv.degradable) } }),
        absent: (volumes, timeoutMs) => logicalNotFound(name, vgUuid, timeoutMs, volumes),
      },
    );
  }

  async function find(device: string, findOptions: FindOptions = {}): Promise<OpenVolume> {
    const volume = await waitFor(device, async (volumes): Promise<OpenVolume | undefined> => {
      const found = findVolumes(volumes, device);
      const open = found.filter(isOpen);
      if (open.length > 1 && !areMembers(open)) throw ambiguous(device, open);
      if (open[0] !== undefined) return open[0];
      const array = wholeArray(found);
      if (array !== undefined) {
        await stages.serveFor(chain, arrayStage(array, stages.unserved()));
        return findVolumes(await scan(), device).find(isOpen);
      }
      const logical = findLogicalVolumes(volumes, device).find(({ lv }) => lv.missingPvs.length === 0);
      if (logical === undefined) return undefined;
      const { vg, vgUuid, lv } = logical.lv;
      await stages.serveFor(chain, lvmStage(`${vg}/${lv}`, vgUuid));
      const opened = (await scan()).filter((candidate) => candidate.lv?.lvUuid === logical.lv.lvUuid);
      return opened.find(isOpen);
    }, findOptions);
    log.mark("device found");
    log.debug(`${device} is ${volume.name}: ${volume.content?.type ?? volume.damage ?? "nothing known"}`);
    return volume;
  }

  async function findArray(name: string, degraded?: { afterMs?: number }): Promise<ArrayVolume> {
    const candidates = (volumes: Volume[]) => {
      const found = findVolumes(volumes, name).filter(isArray);
      if (found.length > 1) throw ambiguous(name, found);
      return found;
    };
    return waitFor(
      name,
      async (volumes) => candidates(volumes).find(({ md }) => md.active || (md.startable && md.missing.length === 0)),
      degraded === undefined ? {} : { second: { ...degraded, look: (volumes) => candidates(volumes).find(({ md }) => md.startable) } },
    );
  }

  async function findMembers({ content }: OpenVolume, { partial = false } = {}): Promise<OpenVolume[]> {
    const { member, uuid } = content ?? {};
    if (member === undefined || uuid === undefined) return [];
    const ofFilesystem = (volumes: Volume[]) => volumes.filter(isOpen).filter((one) => one.content?.type === content?.type && one.content?.uuid === uuid);
    const all = async (volumes: Volume[]) => {
      const found = ofFilesystem(volumes);
      if (found.length > 1 && !areMembers(found)) throw ambiguous(`UUID=${uuid}`, found);
      return found.length >= member.count ? found : undefined;
    };
    try {
      return await waitFor(`UUID=${uuid}`, all, {
        waitingFor: `all of UUID=${uuid}`,
        absent: (volumes) => membersMissing(`UUID=${uuid}`, member.count, options.timeoutMs, ofFilesystem(volumes)),
      });
    } catch (error) {
      const found = partial ? ofFilesystem(await scan()) : [];
      if (found.length === 0) throw error;
      log.warn(`${found.length} of the ${member.count} devices of the filesystem UUID=${uuid} are there: the mount options allow that`);
      return found;
    }
  }

  return { find, findLogical, findArray, findMembers, scan };
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => (signal.aborted ? resolve() : signal.addEventListener("abort", () => resolve(), { once: true })));
}

const isOpen = (volume: Volume): volume is OpenVolume => volume.path !== undefined;
