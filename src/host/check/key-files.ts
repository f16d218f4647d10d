import { parseKeyFile } from "../../core/realroot/key-file.ts";
import type { Stage } from "../../core/realroot/types.ts";
import type { Finding } from "./findings.ts";
import type { ImageFacts } from "./image-facts.ts";

/** Options that name key files. */
const KEY_FILES = ["keyfile", "keyfile-hidden"];

/** Key files and a header that a stage has in the image: are they there? Those on devices nobody looks at. */
export function keyFileFindings({ kind, options }: Stage, image: ImageFacts): Finding[] {
  const places = KEY_FILES.flatMap((key) => (typeof options[key] === "string" ? options[key].split("\n") : []));
  const files = places.flatMap((place) => {
    const parsed = parseKeyFile(place);
    return "reason" in parsed || parsed.device !== undefined ? [] : [parsed.path];
  });
  const header = typeof options["header"] === "string" && options["header"].startsWith("/") ? [options["header"]] : [];
  return [
    ...files.filter(isInImage).map((path) => fileFinding(`key file ${path}`, path, image, kind === "crypt")),
    ...header.filter(isInImage).map((path) => fileFinding(`header ${path}`, path, image, false)),
  ];
}

/** A path in /dev is a device. */
const isInImage = (path: string): boolean => !path.startsWith("/dev/");

/** Without its key file a `crypt` stage asks for the passphrase. */
function fileFinding(what: string, path: string, image: ImageFacts, asksInstead: boolean): Finding {
  if (image.hasFile(path)) return { what, outcome: "ok", evidence: "in the image" };
  const next = `add it to files: of the configuration, and build again`;
  return asksInstead ? { what, outcome: "unknown", evidence: "not in the image: the boot asks for the passphrase", next } : { what, outcome: "failed", evidence: "not in the image", next };
}
