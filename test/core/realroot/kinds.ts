import type { KindTable } from "../../../src/core/realroot/types.ts";

/** The kinds of the tests and of docs/realroot.md's examples. */
export const kinds: KindTable = {
  local: { fields: ["device", "options"], options: [] },
  crypt: { fields: ["device", "name", "options"], options: ["discard", "readonly", "keyfile", "keyslot", "tries"] },
  lvm: { fields: ["device", "options"], options: ["degraded", "vg-uuid"] },
  tcplay: {
    fields: ["device", "name", "options"],
    options: ["type", "hash", "cipher", "hidden", "pim", "tries", "keyfile+", "keyfile-hidden+", "protect-hidden", "system", "backup"],
  },
};
