import type { Source } from "../binary/source.ts";
import type { ThinPool } from "./thin.ts";

/** What a target maps to: the name that its table line has, and its bytes. */
export interface Device {
  path: string;
  source: Source;
  /** Of the pool of thin volumes, its target. */
  pool?: ThinPool;
}

/** Where a target lies in its table. Sectors are 512 bytes. */
export interface Span {
  startSector: number;
  lengthSectors: number;
}
