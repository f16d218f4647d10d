import type { AuditedFile, Secret } from "./types.ts";

const CRYPTTAB = "etc/crypttab";
const BOOT_CONFIG = "etc/mkinitrd/boot.json";
const MOST_BYTES = 1024 * 1024;

/** Files that crypttab or the default realroot names: keys and detached headers. Path → what is said of it. */
export async function findNamed(files: readonly AuditedFile[]): Promise<Map<string, Pick<Secret, "kind" | "reason">>> {
  const named = new Map<string, Pick<Secret, "kind" | "reason">>();
  const byPath = new Map(files.map((file) => [file.path, file]));
  const text = async (path: string) => {
    const file = byPath.get(path);
    return file === undefined || file.sizeBytes > MOST_BYTES ? "" : (await file.read()).toString("utf8");
  };
  const note = (word: string, reason: string) => {
    const path = word.replace(/^\/+/, "");
    if (word.startsWith("/") && byPath.has(path) && !named.has(path)) named.set(path, { kind: "key file", reason });
  };
  (await text(CRYPTTAB)).split("\n").forEach((line, index) => {
    if (line.trim().startsWith("#")) return;
    const [name = "", , ...rest] = line.trim().split(/\s+/);
    for (const word of rest.flatMap((field) => field.split(/[,=]/))) note(word, `/etc/crypttab, line ${index + 1}, names it for ${name}`);
  });
  for (const word of realrootOf(await text(BOOT_CONFIG)).split(/[\s:,="]+/)) note(decode(word), "the default realroot names it");
  return named;
}

function realrootOf(json: string): string {
  try {
    const { realroot } = JSON.parse(json) as { realroot?: unknown };
    return typeof realroot === "string" ? realroot : "";
  } catch {
    return ""; // no image of ours, or none at all
  }
}

function decode(word: string): string {
  try {
    return decodeURIComponent(word);
  } catch {
    return word;
  }
}
