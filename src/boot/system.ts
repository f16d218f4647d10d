import { appendFileSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { MkinitrdError } from "../core/errors.ts";
import { exec } from "./exec.ts";
import type { Log, System } from "../core/rc/types.ts";
import { findInit, resolveInside } from "./find-init.ts";
import { driverArrives } from "./late-driver.ts";
import { RUN_DIRECTORY } from "./log.ts";
import { describeMappings } from "./udev.ts";

/** ENODEV, mount(2): the filesystem type is not configured in the kernel. */
const NO_DRIVER = /: No such device$/m;
const LARGEST_TEXT_BYTES = 1024 * 1024;

/** The machine that we run on; the real root is, or will be, mounted on `newRoot`. */
export function createSystem(log: Log, newRoot: string): System {
  return {
    async mount({ source, target, fstype, options }) {
      const words = options.length === 0 ? [] : ["-o", options.join(",")];
      const tryIt = () => exec("mount", ["-t", fstype, ...words, source, target]);
      await tryIt().catch(async (cause: unknown) => {
        if (NO_DRIVER.test(foundOf(cause)) && (await driverArrives(fstype))) return tryIt();
        throw cause;
      }).catch((cause: unknown) => {
        throw new MkinitrdError({
          tried: `mounting it on ${target} as ${fstype} (${options.join(",")})`,
          on: source,
          found: foundOf(cause),
          next: `check the filesystem's type and options, and that the image has its driver: modules: {add: [${fstype}]}`,
          cause,
        });
      });
    },
    async markChecked(filesystem) {
      mkdirSync("/run/initramfs", { recursive: true, mode: 0o755 });
      writeFileSync(`/run/initramfs/fsck-${filesystem}`, "", { mode: 0o644 }); // systemd-fsck-root.service, ConditionPathExists
    },
    async readNewRoot(path) {
      const file = resolveInside(newRoot, path);
      const stat = file === undefined ? undefined : statSync(file);
      if (file === undefined || stat?.isFile() !== true) return undefined; // a FIFO would never end
      if (stat.size <= LARGEST_TEXT_BYTES) return readFileSync(file, "utf8");
      throw new MkinitrdError({ tried: "reading a file of the root", on: path, found: `${stat.size} bytes, more than ${LARGEST_TEXT_BYTES}` });
    },
    async newRootPath(path) {
      return resolveInside(newRoot, path);
    },
    async opens(mapping) {
      appendFileSync(`${RUN_DIRECTORY}/mappings`, `${mapping}\n`, { mode: 0o600 });
    },
    async describeMappings() {
      describeMappings((text) => log.warn(text));
    },
    findInit: (root, asked) => findInit(root, asked, log.warn),
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

const foundOf = (cause: unknown): string => (cause instanceof MkinitrdError ? cause.found : String(cause));
