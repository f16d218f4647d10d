import { watch, type FSWatcher } from "node:fs";
import { explain } from "../core/errors.ts";
import { exec } from "./exec.ts";
import type { Devices, Log } from "../core/rc/types.ts";
import { listModaliases } from "./sysfs.ts";

/** How long several pieces of news are gathered before anybody looks. */
const GATHER_MS = 15;

export interface DeviceWatch extends Devices {
  /** A number that grows with every arrival or departure. */
  readonly generation: number;
  /** Resolves at the first change after `generation`, or after `timeoutMs`. */
  changed(generation: number, timeoutMs: number): Promise<void>;
}

/**
 * Loads drivers by modalias, and hears of arrivals in two ways. Nodes that devtmpfs makes are seen through inotify at
 * once and for nothing; for devices that have no node yet and want a driver, busybox's uevent listener sends a signal
 * for each kernel event. The listener starts after the first drivers are in, so that their own storm of events costs no
 * process each; whatever came in between is found by the look at /sys that follows its start.
 */
export function createDevices(log: Log): DeviceWatch {
  const tried = new Set<string>();
  const waiting = new Set<() => void>();
  const stopped = new AbortController();
  let watcher: FSWatcher | undefined;
  let generation = 0;
  let gathering: NodeJS.Timeout | undefined;
  let loading: Promise<void> = Promise.resolve();

  const news = () => {
    gathering ??= setTimeout(() => {
      gathering = undefined;
      generation++;
      for (const wake of waiting) wake();
    }, GATHER_MS);
  };
  const onEvent = () => {
    news();
    loading = loading.then(loadDrivers);
  };

  async function loadDrivers(): Promise<void> {
    // A driver may find a bus with more devices on it (virtio behind PCI): go on until nothing new turns up.
    for (;;) {
      const aliases = listModaliases().filter((alias) => !tried.has(alias));
      if (aliases.length === 0 || stopped.signal.aborted) return;
      for (const alias of aliases) tried.add(alias);
      // Exit code 1: some alias has no module in this image, which is no error.
      await exec("modprobe", ["-abq", ...aliases], { accept: [1] }).catch((error) => log.warn(explain(error)));
      news();
    }
  }

  async function listen(): Promise<void> {
    while (!stopped.signal.aborted) {
      const listener = exec("uevent", ["kill", "-USR2", String(process.pid)], { cancel: stopped.signal });
      loading = loading.then(loadDrivers);
      await listener.catch((error) => {
        if (!stopped.signal.aborted) log.debug(`the uevent listener ended and is started again: ${explain(error)}`);
      });
      if (!stopped.signal.aborted) await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }

  return {
    get generation() {
      return generation;
    },
    async start() {
      process.on("SIGUSR2", onEvent);
      watcher = watch("/dev", { persistent: false }, news);
      watcher.on("error", (error) => log.debug(`watching /dev: ${explain(error)}`));
      loading = loading.then(loadDrivers);
      void loading.then(listen);
    },
    async stop() {
      stopped.abort();
      watcher?.close();
      await loading;
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
