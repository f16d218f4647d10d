import { appendFileSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { MkinitrdError } from "../core/errors.ts";
import { exec } from "./exec.ts";
import type { Log, System } from "../core/rc/types.ts";
import { findInit } from "./find-init.ts";
import { RUN_DIRECTORY } from "./log.ts";
import { describeMappings } from "./udev.ts";

/** The machine that we run on. */
export function createSystem(log: Log): System {
  return {
    async mount({ source, target, fstype, options }) {
      await exec("mount", ["-t", fstype, "-o", options.join(","), source, target]).catch((cause: unknown) => {
        throw new MkinitrdError({
          tried: `mounting it on ${target} as ${fstype} (${options.join(",")})`,
          on: source,
          found: cause instanceof MkinitrdError ? cause.found : String(cause),
          next: `check the filesystem's type and options, and that the image has its driver: modules: {add: [${fstype}]}`,
          cause,
        });
      });
    },
    async opens(mapping) {
      appendFileSync(`${RUN_DIRECTORY}/mappings`, `${mapping}\n`, { mode: 0o600 });
    },
    async describeMappings() {
      describeMappings((text) => log.warn(text));
    },
    findInit: (newRoot, asked) => findInit(newRoot, asked, log.warn),
    async handOver(init, args) {
      const words = [init, ...args.filter((word) => !/[\n\0]/.test(word))]; // one in a line
      writeFileSync(`${RUN_DIRECTORY}/next`, words.map((word) => `${word}\n`).join(""), { mode: 0o600 });
    },
    async availableMemoryBytes() {
      const kib = /^MemAvailable:\s+(\d+) kB$/m.exec(readFileSync("/proc/meminfo", "latin1"))?.[1];
      return Number(kib ?? 0) * 1024;
    },
    async exists(path) {
      return existsSync(path);
    },
  };
}
