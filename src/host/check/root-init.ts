import type { Source } from "../../core/binary/source.ts";
import { explain } from "../../core/errors.ts";
import { findInit } from "../../core/find-init.ts";
import { parseFstab } from "../../core/formats/fstab.ts";
import type { Volume } from "../../core/volumes/types.ts";
import { EXT_TYPES, type ExtFiles, withExtFiles } from "../inspect/ext-files.ts";
import type { Finding } from "./findings.ts";

/** Nobody has a larger one. */
const MOST_FSTAB_BYTES = 1024 * 1024;

/** Whether the root has an init that the kernel can run; `asked` is what init= says. */
export async function initFinding({ content, name, source }: Volume, asked: string | undefined): Promise<Finding> {
  const what = "init";
  if (source === undefined || content === undefined || !EXT_TYPES.includes(content.type)) {
    return { what, outcome: "unknown", evidence: `files are read from ${EXT_TYPES.join(", ")}, not from ${content?.type ?? "what is on it"}`, next: "mkinitrd build --test boots the image with the disk" };
  }
  return look({ ...source, name }, asked).catch((error: unknown): Finding => ({ what, outcome: "failed", evidence: explain(error).split("\n")[0]!, next: "fsck -n says what is wrong with the filesystem" }));
}

function look(source: Source, asked: string | undefined): Promise<Finding> {
  return withExtFiles(source, async (files): Promise<Finding> => {
    const warnings: string[] = [];
    try {
      const path = await findInit(files, asked, (text) => warnings.push(text));
      return { what: "init", outcome: "ok", evidence: [`${path}, which the kernel can run`, ...warnings].join("; ") };
    } catch (error) {
      const [evidence = "", ...rest] = explain(error).split("\n");
      const usr = await usrElsewhere(files);
      if (usr !== undefined) return { what: "init", outcome: "unknown", evidence: `it has none of its own, and its fstab mounts /usr from ${usr}` };
      return { what: "init", outcome: "failed", evidence, ...(rest.length === 0 ? {} : { next: rest.join(" ").replace(/^ *next: /, "") }) };
    }
  });
}

/** What the root's fstab mounts on /usr, where the init may lie. */
async function usrElsewhere(files: ExtFiles): Promise<string | undefined> {
  const fstab = await files.find("/etc/fstab");
  if (fstab === undefined || !fstab.isRegular || fstab.sizeBytes > MOST_FSTAB_BYTES) return undefined;
  const pieces: Buffer[] = [];
  for await (const piece of fstab.pieces()) pieces.push(piece);
  return parseFstab(Buffer.concat(pieces).toString()).entries.find(({ target }) => target === "/usr")?.source;
}
