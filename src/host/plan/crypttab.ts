import { parseCrypttab } from "../../core/realroot/crypttab.ts";
import { parseKeyFile } from "../../core/realroot/key-file.ts";
import { readText } from "../read-text.ts";
import type { ImageConfig } from "./facts.ts";
import type { ChosenScripts } from "./scripts.ts";
import type { Entry } from "./types.ts";

const PATH = "etc/crypttab";

/**
 * The crypttab that the configuration names, as a file of the site layer, and what of it the boot will not do; the same
 * notes for one that `files:` brings in.
 */
export function planCrypttab({ crypttab, files }: Pick<ImageConfig, "crypttab" | "files">, chosen: Pick<ChosenScripts, "kinds">): { entries: Entry[]; notes: string[] } {
  const file = crypttab ?? files.find(({ to }) => to === `/${PATH}`)?.from;
  if (file === undefined) return { entries: [], notes: [] };
  const text = readText(file, { tried: "reading the crypttab", next: "correct crypttab: in the configuration" });
  const parsed = parseCrypttab(text, chosen.kinds);
  const isPacked = (path: string) => files.some(({ to }) => path === to || path.startsWith(`${to}/`));
  const keys = parsed.entries.flatMap(({ stage: { name, options } }) => {
    const place = typeof options["keyfile"] === "string" ? parseKeyFile(options["keyfile"]) : undefined;
    if (place === undefined || "reason" in place || place.device !== undefined || place.path.startsWith("/dev/") || isPacked(place.path)) return [];
    return [`${file}: the key file ${place.path} of "${name ?? ""}" is not packed: the passphrase would be asked for (files: in the configuration packs it)`];
  });
  const entry: Entry = { path: PATH, mode: 0o600, reason: "crypttab: of the configuration", type: "file", from: { bytes: Buffer.from(text) } };
  return { entries: crypttab === undefined ? [] : [entry], notes: [...parsed.warnings.map((warning) => `${file}, ${warning}`), ...keys] };
}
