import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { MkinitrdError } from "../../core/errors.ts";
import { nearest } from "../../core/nearest.ts";
import { isDirectory } from "../stat.ts";
import { readModuleIndex, type ModuleIndex } from "./module-index.ts";

/** The module index of a kernel release below `directory`; without a release of the newest. Throws when there is none. */
export function readKernel(directory: string, release: string | undefined): ModuleIndex {
  const releases = listReleases(directory);
  const chosen = release ?? releases.at(-1);
  if (chosen !== undefined && releases.includes(chosen)) return readModuleIndex(join(directory, chosen), chosen);
  const meant = release === undefined ? undefined : nearest(release, releases);
  throw new MkinitrdError({
    tried: release === undefined ? "finding a kernel's modules" : `finding the modules of kernel ${release}`,
    on: directory,
    found: releases.length === 0 ? "no kernel has modules there" : `there is only ${releases.join(", ")}`,
    next: meant === undefined ? "name another directory: --modules-directory DIR" : `did you mean --kernel ${meant}?`,
  });
}

/** Releases with modules, the newest last. */
export function listReleases(directory: string): string[] {
  if (!isDirectory(directory)) return [];
  return readdirSync(directory).filter((name) => ["modules.dep", "modules.order", "kernel"].some((each) => existsSync(join(directory, name, each)))).sort(compareReleases);
}

/** 6.1.0-9 before 6.1.0-56 before 6.12: numbers compare as numbers. */
export function compareReleases(a: string, b: string): number {
  return a.localeCompare(b, "en", { numeric: true });
}
