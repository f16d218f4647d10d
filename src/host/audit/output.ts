import { statfsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { MkinitrdError } from "../../core/errors.ts";
import { describeIoError } from "../read-text.ts";
import { statOf } from "../stat.ts";
import type { Entry, FileEntry, Plan } from "../plan/types.ts";
import { findSecrets } from "./audit.ts";
import { modelessFilesystem } from "./filesystem.ts";
import type { AuditedFile, SecretKind } from "./types.ts";

/** What opens something as it is; a hash wants guessing, and what is sealed another key. */
const OPENS: readonly SecretKind[] = ["key file", "private key", "credentials"];

/**
 * Throws when keys of the plan's site layer would lie on a filesystem that keeps no modes, where everybody who mounts it may
 * read them, and `expose` does not name them. `filesystemType` gives statfs(2)'s f_type; a test has another one.
 */
export async function checkSecretsOutput(plan: Pick<Plan, "layers">, { output, expose = [] }: { output: string; expose?: string[] }, filesystemType = (path: string): number => statfsSync(path).type): Promise<void> {
  const filesystem = modelessFilesystem(typeOf(dirname(resolve(output)), filesystemType));
  if (filesystem === undefined) return;
  const site = plan.layers.find(({ name }) => name === "site")?.entries ?? [];
  const secrets = (await findSecrets(site.filter(isPlainFile).map(audited))).filter(({ kind }) => OPENS.includes(kind));
  const refused = secrets.filter(({ path }) => !expose.some((each) => each.replace(/^\/+/, "") === path));
  if (refused.length === 0) return;
  throw new MkinitrdError({
    tried: "writing the image",
    on: output,
    found: `it would hold ${refused.map(({ path, kind, reason }) => `/${path} (${kind}: ${reason})`).join(", ")}, and lie on ${filesystem}, whose files have no modes: who mounts it may read them`,
    next: `write it elsewhere: -o FILE; or say that it may be so: ${refused.map(({ path }) => `--expose /${path}`).join(" ")}, or expose: [${refused.map(({ path }) => `/${path}`).join(", ")}] in the configuration`,
  });
}

/** A directory that is not there is the writer's error to tell. */
function typeOf(directory: string, filesystemType: (path: string) => number): number {
  try {
    return filesystemType(directory);
  } catch (cause) {
    if (["ENOENT", "ENOTDIR"].includes((cause as NodeJS.ErrnoException).code ?? "")) return 0;
    throw new MkinitrdError({ tried: "asking for the filesystem", on: directory, found: describeIoError(cause), cause });
  }
}

type PlainFile = Entry & FileEntry;

function isPlainFile(entry: Entry): entry is PlainFile {
  return entry.type === "file" && !("decompress" in entry.from);
}

function audited({ path, mode, from }: PlainFile): AuditedFile {
  if ("bytes" in from) return { path, mode, sizeBytes: from.bytes.length, read: async () => from.bytes };
  return { path, mode, sizeBytes: statOf(from.file)?.size ?? 0, read: () => readFile(from.file) };
}
