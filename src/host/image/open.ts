import { type ImageArchive, readImage } from "./read.ts";
import { imageTree } from "./tree.ts";
import type { ImageNode, ImageTree } from "./tree-types.ts";

/** An image: its archives as they lie in it, and what the kernel makes of them. */
export interface OpenedImage {
  file: string;
  archives: ImageArchive[];
  tree: ImageTree;
}

/** Reads an image whole, of whatever tool. Throws where it can't be read to its end. */
export async function openImage(file: string): Promise<OpenedImage> {
  const archives = await readImage(file);
  return { file, archives, tree: await imageTree(archives, file) };
}

/** The content of a file of an image. */
export async function contentOf(node: ImageNode): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of node.pieces()) pieces.push(piece);
  return pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces);
}
