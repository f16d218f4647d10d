import { watch } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { explain } from "../core/errors.ts";
import type { Exec } from "../core/exec.ts";
import type { Devices, Log } from "../core/rc/types.ts";
import { exec } from "./exec.ts";
import { isBusGrowing, listModaliases } from "./sysfs.ts";

/** How long several pieces of news are gathered before anybody looks. */
const GATHER_MS = 15;
/** Between two starts of a listener that ended: twice as long each time, unless it had lasted. */
const RESTART_MS = { least: 100, most: 5000, lasted: 10_000 };
/** A bus whose driver is still busy is waited for so long (some virtual machines are slow), and looked at so often. */
const BUS_MS = { within: 30_000, between: 10 };
/** At the end drivers get so long to be in. The real root looks for them again. */
const DRIVERS_END_WITHIN_MS = 5000;

export interface DeviceWatch extends Devices {
  /** A number that grows with every arrival or departure. */
  readonly generation: number;
  /** The drivers of what was there at the start are in: what they found is in /dev, or on its way. */
  readonly settled: boolean;
  /** Resolves at the first change after `generation`, or after `timeoutMs`. */
  changed(generation: number, timeoutMs: number): Promise<void>;
}

/** What this needs of the machine; tests have another one. */
export interface DeviceMachine {
  exec: Exec;
  listModaliases(): string[];
  isBusGrowing(): boolean;
  /** Calls back at each change of the nodes in /dev, until the returned function is called. */
  watchNodes(changed: () => void): () => void;
}

/**
 * Loads drivers by modalias, and hears of arrivals in two ways. Nodes that devtmpfs makes are seen through inotify at
 * once and for nothing; for devices that have no node yet and want a driver, busybox's uevent listener sends a signal
 * for each kernel event. The listener starts after the first drivers are in, so that their own storm of events costs no
 * process each; whatever came in between is found by the look at /sys that follows its start.
 */
export function createDevices(log: Log, machine: DeviceMachine = { exec, listModaliases, isBusGrowing, watchNodes }): DeviceWatch {
  const tried = new Set<string>();
  const waiting = new Set<() => void>();
  const stopped = new AbortController();
  let stopWatching = () => {};
  let generation = 0;
  let gathering: NodeJS.Timeout | undefined;
  let wantsDrivers = false;
  let settled = false;
  let loading: Promise<void> = Promise.resolve();
  let listening: Promise<void> = Promise.resolve();

  const news = () => {
    gathering ??= setTimeout(() => {
      gathering = undefined;
      generation++;
      for (const wake of waiting) wake();
      if (wantsDrivers) loadSoon();
    }, GATHER_MS);
  };
  // A thousand events cost a look at /sys for each gathering, not a thousand.
  const onEvent = () => {
    wantsDrivers = true;
    news();
  };

  function loadSoon(): void {
    wantsDrivers = false;
    loading = loading.then(loadDrivers).catch((error) => log.warn(`loading drivers: ${explain(error)}`));
  }

  async function loadDrivers(): Promise<void> {
    // A driver may find a bus with more devices on it (virtio behind PCI): go on until nothing new turns up.
    for (;;) {
      const aliases = machine.listModaliases().filter((alias) => !tried.has(alias));
      if (aliases.length === 0 || stopped.signal.aborted) return;
      for (const alias of aliases) tried.add(alias);
      // Asked after the look, which takes its time: what it saw of a bus may have been the first of many.
      for (const end = performance.now() + BUS_MS.within; machine.isBusGrowing() && performance.now() < end && !stopped.signal.aborted;) await pause(BUS_MS.between);
      // Exit code 1: some alias has no module in this image, which is no error.
      await machine.exec("modprobe", ["-abq", ...aliases], { accept: [1] }).catch((error) => log.warn(explain(error)));
      news();
    }
  }

  async function listen(): Promise<void> {
    let pauseMs = RESTART_MS.least;
    let told = "";
    while (!stopped.signal.aborted) {
      const startedMs = performance.now();
      const listener = machine.exec("uevent", ["kill", "-USR2", String(process.pid)], { cancel: stopped.signal });
      loadSoon();
      const reason = await listener.then(() => "exit code 0", explain);
      if (stopped.signal.aborted) return;
      if (reason !== told) log.debug(`the uevent listener ended and is started again: ${reason}`);
      told = reason;
      pauseMs = performance.now() - startedMs > RESTART_MS.lasted ? RESTART_MS.least : Math.min(2 * pauseMs, RESTART_MS.most);
      await pause(pauseMs, undefined, { signal: stopped.signal }).catch(() => {});
    }
  }

  return {
    get generation() {
      return generation;
    },
    get settled() {
      return settled;
    },
    async start() {
      process.on("SIGUSR2", onEvent); // for good: a signal that comes late would end us
      try {
        stopWatching = machine.watchNodes(news);
      } catch (error) {
        log.warn(`watching /dev: ${explain(error)}; new devices are found within a second`);
      }
      loadSoon();
      void loading.then(() => {
        settled = true;
        news();
      });
      listening = loading.then(listen);
    },
    async stop() {
      stopped.abort();
      stopWatching();
      const ended = Promise.all([loading, listening]).then(() => true);
      // A driver that waits for its hardware must not keep the root that is there waiting.
      if (await Promise.race([ended, pause(DRIVERS_END_WITHIN_MS, false, { ref: false })])) return;
      log.warn("a driver is still busy with its hardware, the boot goes on");
    },
    changed(since, timeoutMs) {
      if (generation !== since || timeoutMs <= 0) return Promise.resolve();
      return new Promise((resolve) => {
        const done = () => {
          clearTimeout(timer);
          waiting.delete(done);
          resolve();
        };
        const timer = setTimeout(done, timeoutMs);
        waiting.add(done);
      });
    },
  };
}

function watchNodes(changed: () => void): () => void {
  const watcher = watch("/dev", { persistent: false }, changed);
  watcher.on("error", () => {}); // a scan comes each second anyway
  return () => watcher.close();
}
