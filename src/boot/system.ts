import { accessSync, appendFileSync, constants, existsSync, lstatSync, readFileSync, readlinkSync, realpathSync, statSync, writeFileSync } from "node:fs";
import { join, normalize, resolve } from "node:path";
import { MkinitrdError } from "../core/errors.ts";
import { exec } from "./exec.ts";
import type { Log, System } from "../core/rc/types.ts";
import { RUN_DIRECTORY } from "./log.ts";
import { describeMappings } from "./udev.ts";

/** Where an init usually is; the kernel's own list in init/main.c, with systemd's first. */
const USUAL_INITS = ["/sbin/init", "/usr/lib/systemd/systemd", "/etc/init", "/bin/init", "/bin/sh"];

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
    async findInit(newRoot, asked) {
      const tried: string[] = [];
      for (const path of asked === undefined ? USUAL_INITS : [asked, ...USUAL_INITS]) {
        if (isProgram(resolveInside(newRoot, path))) {
          if (asked !== undefined && path !== asked) log.warn(`init=${asked} is not there; ${path} is used`);
          return path;
        }
        tried.push(path);
      }
      throw new MkinitrdError({
        tried: "finding the init of the real root",
        on: newRoot,
        found: `none of ${tried.join(", ")} is a program there`,
        next: "check that the realroot names the root filesystem and not another one, or name the program with init=",
      });
    },
    async handOver(init, args) {
      const words = [init, ...args].filter((word) => !/[\n\0]/.test(word)); // one in a line
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

/** Follows the links of `path` as they lead after the pivot, when `root` is /; undefined when they lead nowhere. */
export function resolveInside(root: string, path: string): string | undefined {
  let inside = normalize(path);
  for (let links = 0; links < 40; links++) {
    const parts = inside.split("/").filter(Boolean);
    let changed = false;
    for (let depth = 1; depth <= parts.length && !changed; depth++) {
      const prefix = `/${parts.slice(0, depth).join("/")}`;
      const stat = lstatSync(join(root, prefix), { throwIfNoEntry: false });
      if (stat === undefined) return undefined;
      if (!stat.isSymbolicLink()) continue;
      const target = resolve(`${prefix}/..`, readlinkSync(join(root, prefix)));
      inside = normalize([target, ...parts.slice(depth)].join("/"));
      changed = true;
    }
    if (!changed) return realpathSync(join(root, inside));
  }
  return undefined;
}

function isProgram(path: string | undefined): boolean {
  if (path === undefined || !statSync(path).isFile()) return false;
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
