import { statfsSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { MkinitrdError } from "../../core/errors.ts";
import { contentOf, openImage } from "../image/open.ts";
import type { ImageNode } from "../image/tree-types.ts";
import { describeIoError } from "../read-text.ts";
import { statOf } from "../stat.ts";
import { describeExposure, findSecrets } from "./audit.ts";
import { modelessFilesystem } from "./filesystem.ts";
import type { AuditedFile, Secret } from "./types.ts";

/** What is in an image that others should not have, and who can have it. */
export interface ImageAudit {
  image: string;
  /** Permission bits of the image itself. */
  mode: number;
  /** Who beside its owner may read the image, and with it all that is in it: only said where it has secrets. */
  exposed?: string;
  /** `exposed` says who beside its owner may read or change the file in the image. */
  secrets: (Secret & { exposed?: string })[];
}

/** Audits an image, of this tool or of another. `filesystemType` gives statfs(2)'s f_type of a directory; a test has another one. */
export async function auditImage(image: string, filesystemType = (path: string): number => statfsSync(path).type): Promise<ImageAudit> {
  const stats = statOf(image);
  if (stats === undefined) throw new MkinitrdError({ tried: "looking for secrets in an image", on: image === "" ? '""' : image, found: "no such file", next: "name an image: mkinitrd audit /boot/initrd.img" });
  const { nodes } = (await openImage(image)).tree;
  const secrets = (await findSecrets(nodes.filter(({ type }) => type === "file").map(audited))).map((secret) => {
    const exposed = describeExposure(secret.mode);
    return { ...secret, ...(exposed === undefined ? {} : { exposed }) };
  });
  const mode = stats.mode & 0o777;
  const exposed = secrets.length === 0 ? undefined : imageExposure(image, mode, filesystemType);
  return { image, mode, ...(exposed === undefined ? {} : { exposed }), secrets };
}

function imageExposure(image: string, mode: number, filesystemType: (path: string) => number): string | undefined {
  try {
    const filesystem = modelessFilesystem(filesystemType(dirname(resolve(image))));
    if (filesystem !== undefined) return `it lies on ${filesystem}, whose files have no modes`;
  } catch (cause) {
    throw new MkinitrdError({ tried: "asking for the filesystem", on: image, found: describeIoError(cause), cause });
  }
  return describeExposure(mode);
}

function audited(node: ImageNode): AuditedFile {
  const { path, mode, sizeBytes } = node;
  return { path, mode, sizeBytes, read: () => contentOf(node) };
}
