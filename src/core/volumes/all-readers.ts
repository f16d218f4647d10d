import type { Readers } from "./discover.ts";
import { stackPlanner } from "./lvm-stack.ts";
import { openArray } from "./md-open.ts";

/** Reads LVs and arrays of every kind that can be read in user space; for commands on the host: the early boot activates them. */
export const ALL_READERS: Readers = { planner: stackPlanner, openArray };
