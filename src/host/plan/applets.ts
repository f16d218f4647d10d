import { readFileSync } from "node:fs";
import { MkinitrdError } from "../../core/errors.ts";
import { exec } from "../exec.ts";

/** How the list begins in which names are looked up: its first two applets. */
const FIRST = Buffer.from("[\0[[\0", "latin1");
const NAME = /^[A-Za-z0-9[][A-Za-z0-9._[-]*$/;
const NAMES_MOST = 1000;

/** libbb.h, enum BB_DIR_…: where an applet is installed. */
const DIRECTORIES = ["", "bin/", "sbin/", "usr/bin/", "usr/sbin/"];
/** Where these are in every busybox; include/applets.src.h and the applets' own sources. */
const KNOWN: Record<string, string> = { "[": "usr/bin/", sh: "bin/", ash: "bin/", mount: "bin/", modprobe: "sbin/", chroot: "usr/sbin/", env: "usr/bin/", switch_root: "sbin/" };

/** Paths as this busybox would install its applets: `bin/sh`, `usr/sbin/chroot`. It is run for that. */
export async function listApplets(file: string): Promise<string[]> {
  const { stdout } = await exec(file, ["--list-full"], { timeoutMs: 10_000 });
  return withShell(stdout.split("\n").filter((line) => line !== ""), file);
}

/**
 * The same of a busybox that does not run here, read from its tables: the applets' names, sorted, each with a NUL behind it, and
 * four bits for each one that say where it is installed. Busybox, applets/applet_tables.c: applet_names, applet_install_loc.
 */
export function readApplets(file: string): string[] {
  const bytes = readFileSync(file);
  const names = readNames(bytes);
  if (names.length === 0) throw cannot(file, "the table of their names is not in it");
  const places = findPlaces(bytes, names);
  if (places === undefined) throw cannot(file, `where its ${names.length} applets are installed is not in it`);
  return withShell(names.map((name, index) => `${DIRECTORIES[placeOf(bytes, places, index)] ?? ""}${name}`), file);
}

function readNames(bytes: Buffer): string[] {
  for (let start = bytes.indexOf(FIRST); start !== -1; start = bytes.indexOf(FIRST, start + 1)) {
    const names: string[] = [];
    for (let at = start; names.length < NAMES_MOST; ) {
      const end = bytes.indexOf(0, at);
      const name = end === -1 ? "" : bytes.toString("latin1", at, Math.min(end, at + 64));
      if (!NAME.test(name) || name <= (names.at(-1) ?? "")) break;
      names.push(name);
      at = end + 1;
    }
    if (names.includes("sh")) return names;
  }
  return [];
}

/** The one place where each half of a byte is a directory, and the right one for those that are known. */
function findPlaces(bytes: Buffer, names: string[]): number | undefined {
  const length = Math.ceil(names.length / 2);
  const known = Object.entries(KNOWN).flatMap(([name, directory]) => (names.includes(name) ? [{ index: names.indexOf(name), place: DIRECTORIES.indexOf(directory) }] : []));
  const found: number[] = [];
  let run = 0;
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at]!;
    run = (byte & 15) < DIRECTORIES.length && byte >> 4 < DIRECTORIES.length ? run + 1 : 0;
    const start = at + 1 - length;
    if (run >= length && known.every(({ index, place }) => placeOf(bytes, start, index) === place)) found.push(start);
  }
  return found.length === 1 ? found[0] : undefined;
}

function placeOf(bytes: Buffer, start: number, index: number): number {
  return (bytes[start + (index >> 1)]! >> (4 * (index & 1))) & 15;
}

function withShell(applets: string[], file: string): string[] {
  if (applets.includes("bin/sh")) return applets;
  throw cannot(file, `${applets.length} applets, and sh is not among them`);
}

function cannot(file: string, found: string): MkinitrdError {
  return new MkinitrdError({ tried: "listing the applets of busybox", on: file, found, next: "install a full one; on Debian: apt-get install busybox-static" });
}
