import { readFileSync } from "node:fs";
import type { Sysroot } from "./sysroot.ts";

const FILE = "/etc/hostname";

/** The name that `hostname:` of the configuration gives the machine: itself, or for `auto` what hostname(5) says. */
export function planHostname(configured: string | undefined, sysroot: Sysroot): { name?: string; notes: string[] } {
  if (configured !== "auto") return { ...(configured === undefined ? {} : { name: configured }), notes: [] };
  const found = sysroot.find(FILE);
  const lines = found === undefined ? [] : readFileSync(found.file, "utf8").split("\n").map((line) => line.trim());
  const name = lines.find((line) => line !== "" && !line.startsWith("#"));
  return name === undefined ? { notes: [`hostname: auto, and ${FILE} names none: the prompt shows no name`] } : { name, notes: [] };
}
