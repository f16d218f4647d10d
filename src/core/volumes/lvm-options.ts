import type { FindLogicalOptions } from "../rc/types.ts";
import type { BadOption, Stage } from "../realroot/types.ts";
import { parseDegraded } from "./degraded.ts";

/** What the options of an `lvm` stage ask for: which volume will do, and whether a person has to agree to a degraded one. */
export interface LvmOptions extends FindLogicalOptions {
  ask: boolean;
}

/** As LVM prints it; lvm2 libdm or lib/uuid/uuid.c, id_write_format. */
const UUID = /^[0-9A-Za-z]{6}(-[0-9A-Za-z]{4}){5}-[0-9A-Za-z]{6}$/;

/** Reads the options of a stage; on bad input the option, what is wrong with its value, and what to write. */
export function parseLvmOptions(options: Stage["options"]): LvmOptions | BadOption {
  const { "vg-uuid": vgUuid } = options;
  if (vgUuid !== undefined && (vgUuid === true || !UUID.test(vgUuid))) {
    return { key: "vg-uuid", reason: vgUuid === true ? "it has no value" : `"${vgUuid}", which is no UUID of LVM`, next: "write vg-uuid=UUID as vgs -o +vg_uuid prints it: 6-4-4-4-4-4-6 letters and digits" };
  }
  const group = vgUuid === undefined ? {} : { vgUuid };
  const degraded = parseDegraded(options["degraded"]);
  if (degraded === "never") return { ...group, ask: false };
  if (degraded === "ask") return { ...group, ask: true, degraded: {} };
  return "reason" in degraded ? { key: "degraded", ...degraded } : { ...group, ask: false, degraded };
}
