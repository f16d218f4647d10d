import type { Source } from "../binary/source.ts";
import { MkinitrdError } from "../errors.ts";
import { quote } from "../quote.ts";
import { openCache } from "./cache.ts";
import { openCrypt } from "./crypt.ts";
import { openError } from "./error.ts";
import { openLinear } from "./linear.ts";
import { openMirror } from "./mirror.ts";
import { openRaid } from "./raid.ts";
import { openSnapshot } from "./snapshot.ts";
import { openStriped } from "./striped.ts";
import type { Target } from "./table.ts";
import { openThin } from "./thin.ts";
import { openVerity } from "./verity.ts";
import { openWritecache } from "./writecache.ts";
import { openZero } from "./zero.ts";

/** The bytes of any target, from its own start on. Throws for one that can't be read here. */
export function openTarget(target: Target): Source {
  switch (target.type) {
    case "linear": return openLinear(target);
    case "striped": return openStriped(target);
    case "zero": return openZero(target);
    case "error": return openError(target);
    case "crypt": return openCrypt(target);
    case "verity": return openVerity(target);
    case "mirror": return openMirror(target);
    case "raid": return openRaid(target);
    case "snapshot":
    case "snapshot-merge": return openSnapshot(target);
    case "snapshot-origin": return openLinear({ ...target, deviceSector: 0 });
    case "thin-pool": return openLinear({ ...target, device: target.data, deviceSector: 0 });
    case "thin": return openThin(target);
    case "cache": return openCache(target);
    case "writecache": return openWritecache(target);
    case "other": throw new MkinitrdError({
      tried: "opening a device-mapper table",
      on: `the target ${quote(target.targetType)}`,
      found: "it can't be read here",
      next: "map it with dmsetup and read the device",
    });
  }
}
