import { join } from "node:path";
import { MkinitrdError } from "../src/core/errors.ts";
import type { BuiltDisk } from "../src/host/qemu/disks.ts";
import { allContents } from "../src/host/qemu/recipe-check.ts";
import type { VmKernel } from "../src/host/qemu/vm-kernel.ts";
import type { Contestant } from "./boots.ts";
import { buildToBoot } from "./builds.ts";
import { buildPeerImage } from "./peer.ts";

/** An image that takes part, as it is booted and as it is on disk. */
export interface Entrant extends Contestant {
  image: ImageFigures;
}

/** What is to be said of an image without booting it. */
export interface ImageFigures {
  bytes: number;
  /** `initramfs-tools 0.142…`, of one that is not ours. */
  version?: string;
  /** Of ours. */
  layers?: { name: string; bytes: number; unpackedBytes: number }[];
  /** The memory that the builder says it needs. */
  estimateMiB?: number;
}

/** The configurations of our images. */
const CONFIGURATIONS = {
  /** The default: drivers and filesystems for any machine. */
  generic: "modules: generic",
  /** The same, packed as small as zstd can: a minute, once. Only its size is of interest. */
  "generic, zstd:19": "modules: generic\ncompression: {format: zstd, level: 19}",
  /** The same root with this machine's drivers, its filesystem, and the kinds that it needs. */
  listed: "modules: {set: none, add: [virtio_pci, virtio_blk, ext4], omit: [xfs, btrfs]}\nrealroots: [crypt, lvm]",
};

/** Builds an image of ours with the disk's realroot as its default. */
export async function buildOurs(name: keyof typeof CONFIGURATIONS, disk: BuiltDisk, kernel: VmKernel, directory: string): Promise<Entrant> {
  const { file, report } = await buildToBoot(name, `realroot: ${JSON.stringify(disk.recipe.realroot)}\n${CONFIGURATIONS[name]}\n`, kernel, directory);
  const layers = report.layers.map(({ name, bytes, unpackedBytes }) => ({ name, bytes, unpackedBytes }));
  const image: ImageFigures = { bytes: report.bytes, layers, estimateMiB: Math.ceil(report.memory.bytes / 1024 ** 2) };
  return { name, initrd: file, disk: disk.files[0]!, append: "", answer: { prompt: "Passphrase for", secret: secretOf(disk) }, image };
}

/** Builds Debian's own image for the same disk. */
export async function buildPeer(disk: BuiltDisk, kernel: VmKernel, directory: string): Promise<Entrant> {
  const luks = allContents(disk.recipe).find((content) => content.kind === "luks");
  if (luks?.uuid === undefined) throw unfit(disk, "no LUKS volume with a UUID");
  const { file, bytes, version, append, prompt } = await buildPeerImage(kernel, luks.uuid, join(directory, "initramfs-tools.img"));
  return { name: "initramfs-tools", initrd: file, disk: disk.files[0]!, append, answer: { prompt, secret: secretOf(disk) }, image: { bytes, version } };
}

function secretOf(disk: BuiltDisk): string {
  const secret = Object.values(disk.recipe.answers)[0]?.[0];
  if (secret === undefined) throw unfit(disk, "no answer");
  return secret;
}

function unfit({ recipe }: BuiltDisk, found: string): MkinitrdError {
  return new MkinitrdError({ tried: "measuring boots", on: `the recipe ${recipe.name}`, found });
}
