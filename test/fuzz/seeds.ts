import { execFileSync } from "node:child_process";
import { closeSync, existsSync, fstatSync, openSync, readdirSync, readFileSync, readSync, statSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { cacheDirectory } from "../../src/host/cache.ts";
import type { Base } from "./disk.ts";

/** Disks that are read together: the members of an array, the physical volumes of a group. */
export interface Seed {
  name: string;
  disks: Base[];
}

const FIXTURES = new URL("../fixtures/", import.meta.url);
const CORPORA = new URL("../../../shared/corpora/", import.meta.url);
/** One that is larger is a file that is read in pieces. */
const MOST_UNPACKED = 64 * 1024 * 1024;

/** The fixtures of some folders whose names match, one disk each. */
export function fixtureSeeds(folders: readonly string[], like = /\.(img|superblock)\.gz$/): Seed[] {
  return folders.flatMap((folder) => readdirSync(new URL(`${folder}/`, FIXTURES)).filter((file) => like.test(file)).map((file) => {
    const name = `${folder}/${file.replace(/\.gz$/, "")}`;
    return { name, disks: [memoryBase(name, gunzipSync(readFileSync(new URL(`${folder}/${file}`, FIXTURES))))] };
  }));
}

/** The arrays of test/fixtures/md, taken apart into their members. */
export function arraySeeds(): Seed[] {
  return fixtureSeeds(["md"], /^array-.*\.img\.gz$/).map(({ disks: [all], name }) => {
    const [, , count = ""] = readFileSync(new URL(name.replace(/img$/, "txt"), FIXTURES), "utf8").split("\n")[0]!.split(" ");
    const each = all!.sizeBytes / Number(count);
    return { name, disks: Array.from({ length: Number(count) }, (_, index) => memoryBase(`${name}.${index}`, all!.read(index * each, each))) };
  });
}

/** The disks of the corpora in some folders, where they are: those of one group or array together. */
export function corpusSeeds(folders: readonly string[]): Seed[] {
  return folders.flatMap((folder) => {
    const manifest = new URL(`${folder}/manifest.json`, CORPORA);
    if (!existsSync(manifest)) return [];
    const groups = Map.groupBy(readdirSync(new URL(`${folder}/`, CORPORA)).filter((file) => file.endsWith(".xz")), (file) => file.replace(/\.(pv|m|d)\d\.xz$/, ""));
    return [...groups].map(([name, files]) => ({ name: `${folder}/${name}`, disks: files.sort().map((file) => memoryBase(file, execFileSync("xz", ["-dc", new URL(`${folder}/${file}`, CORPORA).pathname], { maxBuffer: 2 ** 30 }))) }));
  });
}

/** The disks that were built of images/ and are in the cache: of each recipe the one that was made last. */
export function imageSeeds(): Seed[] {
  const cache = `${cacheDirectory()}/disks`;
  if (!existsSync(cache)) return [];
  const folders = readdirSync(cache).filter((name) => existsSync(`${cache}/${name}/disk.img`)).map((name) => ({ name, recipe: name.replace(/-[0-9a-f]+$/, ""), made: statSync(`${cache}/${name}`).mtimeMs }));
  const newest = new Map(folders.sort((a, b) => a.made - b.made).map((folder) => [folder.recipe, folder]));
  return [...newest.values()].map(({ name, recipe }) => ({
    name: `images/${recipe}`,
    disks: readdirSync(`${cache}/${name}`).filter((file) => file.endsWith(".img")).sort().map((file) => fileBase(`${cache}/${name}/${file}`)),
  }));
}

/** A disk in memory. */
export function memoryBase(name: string, bytes: Buffer): Base {
  return { name, sizeBytes: bytes.length, read: (at, lengthBytes) => bytes.subarray(at, at + lengthBytes) };
}

/** A file, of which small ones are held in memory. */
export function fileBase(path: string): Base {
  const file = openSync(path, "r");
  const { size } = fstatSync(file);
  if (size <= MOST_UNPACKED) {
    closeSync(file);
    return memoryBase(path, readFileSync(path));
  }
  return {
    name: path,
    sizeBytes: size,
    read(at, lengthBytes) {
      const bytes = Buffer.alloc(lengthBytes);
      readSync(file, bytes, 0, lengthBytes, at);
      return bytes;
    },
  };
}
