import { encodePart } from "../../core/realroot/percent.ts";
import type { Stage } from "../../core/realroot/types.ts";
import type { Volume } from "../../core/volumes/types.ts";
import type { Finding } from "./findings.ts";
import { isHidden } from "./named.ts";

/** Options of the kind tcplay that say here what they say there; a key file is in the image, and elsewhere here. */
const SAME_HERE = ["type", "hash", "cipher", "hidden", "pim", "no-passphrase", "system", "backup"];

/**
 * Of a stage that opens an encrypted volume: that nobody has opened it here, so that its inside is unknown, and how one would; or, where
 * it is open, what the stage says otherwise than it is. `insides` is what it was opened as.
 */
export function lockFindings(stage: Stage, volume: Volume, insides: readonly Volume[]): Finding[] {
  const [inside] = insides;
  const what = `inside of ${volume.name}`;
  const locked = (evidence: string, next: string): Finding[] => (inside === undefined ? [{ what, outcome: "unknown", evidence, next }] : []);
  if (insides.length > 1) return [{ what, outcome: "unknown", evidence: `the outer volume and the hidden one are open here (${insides.map(({ name }) => name).join(", ")}), and the passphrase decides which one the boot opens`, next: "write hidden=yes or hidden=no in the realroot, or open the one that is meant alone" }];
  if (stage.kind === "tcplay") return inside === undefined ? locked("nothing tells from here what it is", `${tcryptWords(stage, volume)} opens it, and looks`) : mismatches(stage, volume, inside);
  if (stage.kind !== "crypt") return [];
  if (volume.content?.type === "crypto_LUKS") return locked("it is locked", "--unlock asks for its passphrase, and looks");
  return stage.options["header"] === undefined ? [] : locked("its header is elsewhere", `--header ${volume.name}=FILE opens it, and looks`);
}

function tcryptWords({ options }: Stage, { name }: Volume): string {
  const words = SAME_HERE.flatMap((key) => {
    const value = options[key];
    return value === undefined ? [] : [value === true ? key : `${key}=${encodePart(value)}`];
  });
  const keyFiles = typeof options["keyfile"] === "string" ? options["keyfile"].split("\n").map(() => "keyfile=FILE") : [];
  return `--tcrypt ${[encodePart(name).replaceAll("%3A", ":"), ...words, ...keyFiles].join(",")}`;
}

/** The volume has shown what it is: a boot that looks for another does not find it, and none looks at a copy by itself. */
function mismatches({ options }: Stage, { name }: Volume, inside: Volume): Finding[] {
  const opened = inside.openedBy?.options ?? {};
  const backup: Finding[] = opened["backup"] === true && options["backup"] === undefined ? [{ what: `header of ${name}`, outcome: "failed", evidence: "it opens by the copy at its end alone, which the boot does not look at by itself", next: "add the option backup to the realroot, or restore the header with TrueCrypt or VeraCrypt" }] : [];
  const other: Finding[] = options["hidden"] !== undefined && options["hidden"] !== (isHidden(inside) ? "yes" : "no") ? [{ what: `header of ${name}`, outcome: "failed", evidence: `it was opened as the ${isHidden(inside) ? "hidden" : "outer"} volume, the realroot says hidden=${String(options["hidden"])}`, next: `open that one here: --tcrypt ${name},hidden=${String(options["hidden"])}` }] : [];
  return [...backup, ...other, ...["type", "hash"].flatMap((key): Finding[] => {
    const [wanted, found] = [options[key], opened[key]];
    return wanted === undefined || found === undefined || wanted === found ? [] : [{ what: `header of ${name}`, outcome: "failed", evidence: `its ${key} is ${String(found)}, the realroot says ${String(wanted)}`, next: `write ${key}=${String(found)}, or leave it out` }];
  })];
}
