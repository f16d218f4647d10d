import type { Source } from "../binary/source.ts";

/** What a target maps to: the name that its table line has, and its bytes. */
export interface Device {
  path: string;
  source: Source;
}
