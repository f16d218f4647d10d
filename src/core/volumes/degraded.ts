/** What becomes of a volume that has lost a disk and can do without it: it is started never, when a person agrees, or after some time. */
export type Degraded = "never" | "ask" | { afterMs: number };

/** Reads the option `degraded=`, of lvm and of md alike; on bad input what is wrong with its value, and what to write. */
export function parseDegraded(value: string | true | undefined = "never"): Degraded | { reason: string; next: string } {
  if (value === "never" || value === "ask") return value;
  if (value !== true && /^\d{1,4}$/.test(value)) return { afterMs: Number(value) * 1000 };
  return {
    reason: value === true ? "it has no value" : `"${value}"; known: ask, never, or a number of seconds up to 9999`,
    next: "write degraded=ask, degraded=never or degraded=SECONDS",
  };
}
