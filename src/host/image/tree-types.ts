import type { NewcType } from "../../core/formats/newc.ts";

/** A file, directory, link or node as it is when the kernel has unpacked the image. Several paths of one file share one of these. */
export interface ImageInode {
  type: NewcType;
  /** Permission bits, with set-user-ID, set-group-ID and sticky. */
  mode: number;
  uid: number;
  gid: number;
  /** Seconds since 1970. */
  mtime: number;
  /** Content of a file; length of a link's target. */
  sizeBytes: number;
  /** Of a device. */
  major?: number;
  minor?: number;
  /** Of a link. */
  target?: string;
  /** The archive that it comes from, counted from 0. */
  archive: number;
  /** All paths of a file with hard links, sorted as they came. */
  paths: Set<string>;
  /** No archive has it: a directory that paths below it need. The kernel does not make those. */
  implied?: true;
  /** Content of a file in pieces; nothing for the others. */
  pieces(): AsyncIterable<Buffer>;
}

/** A path of the unpacked image, without a leading slash; `.` for the root itself. */
export interface ImageNode extends ImageInode {
  path: string;
}

/** Something about a member that the kernel, or a careful person, does not take as it is. */
export interface TreeProblem {
  /** As the archive has it. */
  path: string;
  found: string;
  /** The path leads out of the image, or would where links are followed: such an image is not extracted. */
  escapes: boolean;
}

/** What the kernel makes of an image. */
export interface ImageTree {
  /** Sorted by path. */
  nodes: ImageNode[];
  problems: TreeProblem[];
  /** What a path leads to, through links as in the booted image; undefined where nothing is, or links go in a circle. */
  find(path: string): ImageNode | undefined;
  /** What stands at a path itself: a link at its end is not followed. */
  at(path: string): ImageNode | undefined;
}
