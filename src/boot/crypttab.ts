import { existsSync, readFileSync } from "node:fs";
import { type BootConfig, kindTable } from "../core/rc/boot-config.ts";
import { type Crypttab, type CrypttabEntry, parseCrypttab } from "../core/realroot/crypttab.ts";
import { parseKeyFile } from "../core/realroot/key-file.ts";
import type { BootRequest, Stage } from "../core/realroot/types.ts";
import { findVolumes } from "../core/volumes/match.ts";
import type { Volume } from "../core/volumes/types.ts";
import type { StageRunner } from "./stages.ts";

const CRYPTTAB = "/etc/crypttab";
/** How long something may be missing before an entry is opened of which nobody knows whether it is needed. */
const GUESS_AFTER_MS = 2000;

/** The crypttab of the image; without one there are no entries. */
export function readCrypttab(config: BootConfig, file = CRYPTTAB): Crypttab {
  return existsSync(file) ? parseCrypttab(readFileSync(file, "utf8"), kindTable(config)) : { entries: [], warnings: [] };
}

/** A stage that gives no name gets the one that crypttab has for its device: the running system looks for that one. */
export function nameStages(request: BootRequest, entries: CrypttabEntry[]): BootRequest {
  const nameOf = (stage: Stage) => entries.find((entry) => entry.stage.kind === stage.kind && entry.stage.device.toLowerCase() === stage.device.toLowerCase())?.stage.name;
  const stages = request.stages.map((stage) => {
    const name = stage.name ?? nameOf(stage);
    return name === undefined ? stage : { ...stage, name };
  });
  return { ...request, stages };
}

/** What is looked for in vain, and for how long. */
export interface Missing {
  wanted: string;
  volumes: Volume[];
  stages: StageRunner;
  /** The stages that wait for it, the innermost last. */
  chain: Stage[];
  waitedMs: number;
}

export interface CrypttabStages {
  /** The entry to open now, if any, for what is missing may lie on it. */
  below(missing: Missing): Stage | undefined;
}

/**
 * Chooses among crypttab's entries: the one that makes the mapping which is wanted, at once. For the device of a stage or
 * of the root by another name nobody can tell which entry it lies on: those that are there are opened one after the other,
 * at once where an entry is meant for the early boot or is the only one, the others when the device does not come by itself,
 * and last those whose key file is not in the image, which most likely lies on the root. Never for a key file's device, never
 * what a stage of the realroot names, too, and a `noauto` entry only by its mapping.
 */
export function crypttabStages(entries: CrypttabEntry[], requested: Stage[], exists: (path: string) => boolean = existsSync): CrypttabStages {
  return { below };

  function below({ wanted, volumes, stages, chain, waitedMs }: Missing): Stage | undefined {
    const isBegun = (stage: Stage) => chain.includes(stage) || stages.isServed(stage);
    const closed = entries.filter(({ stage, otherwise }) => !isBegun(stage) && !(otherwise && isBegun(otherwise)) && !volumes.some(({ dm }) => dm?.name === stage.name));
    const exact = closed.find(({ stage }) => wanted === `/dev/mapper/${stage.name}`);
    if (exact !== undefined) return stageOf(exact, volumes);
    const waiting = chain.at(-1);
    if (waiting !== undefined && waiting.device !== wanted) return undefined;
    const guesses = closed.filter(({ stage, manual }) => !manual && !isRequested(stage, volumes));
    const ready = guesses.filter(({ stage }) => findVolumes(volumes, stage.device).some(({ path }) => path !== undefined));
    const rank = (entry: CrypttabEntry) => (entry.early || guesses.length === 1 ? 0 : lacksKey(entry.stage) ? 2 : 1);
    const guess = ready.filter((entry) => waitedMs >= rank(entry) * GUESS_AFTER_MS).sort((a, b) => rank(a) - rank(b))[0];
    return guess === undefined ? undefined : stageOf(guess, volumes);
  }

  function stageOf({ stage, otherwise }: CrypttabEntry, volumes: Volume[]): Stage {
    const found = findVolumes(volumes, stage.device);
    const isLuks = found.length === 0 || found.some(({ content }) => content?.type === "crypto_LUKS");
    return isLuks ? stage : (otherwise ?? stage);
  }

  function isRequested({ device }: Stage, volumes: Volume[]): boolean {
    const named = findVolumes(volumes, device);
    return requested.some((stage) => stage.device === device || findVolumes(volumes, stage.device).some((volume) => named.includes(volume)));
  }

  function lacksKey({ options: { keyfile } }: Stage): boolean {
    const place = typeof keyfile === "string" ? parseKeyFile(keyfile) : undefined;
    return place !== undefined && "path" in place && place.device === undefined && !exists(place.path);
  }
}
