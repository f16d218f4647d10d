import { findNamed } from "./named.ts";
import { recognise } from "./recognise.ts";
import type { AuditedFile, Secret } from "./types.ts";

/** Every file that looks like a secret, in the order of their paths. What other files say of one comes before what it looks like. */
export async function findSecrets(files: readonly AuditedFile[]): Promise<Secret[]> {
  const named = await findNamed(files);
  const secrets: Secret[] = [];
  for (const file of files) {
    const own = await recognise(file);
    const found = own?.kind === "LUKS header" || own?.kind === "private key" ? own : (named.get(file.path) ?? own);
    if (found !== undefined) secrets.push({ path: file.path, mode: file.mode, ...found });
  }
  return secrets.sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** Who beside its owner may read or change a file of this mode; undefined when nobody. */
export function describeExposure(mode: number): string | undefined {
  if ((mode & 0o004) !== 0) return "everybody may read it";
  if ((mode & 0o040) !== 0) return "its group may read it";
  return (mode & 0o022) === 0 ? undefined : `${(mode & 0o002) === 0 ? "its group" : "everybody"} may write it`;
}
