import { getHashes } from "node:crypto";
import { SECTOR_BYTES } from "../../core/binary/source.ts";
import type { Source } from "../../core/binary/source.ts";
import type { Device } from "../../core/dm/device.ts";
import { openVerity, type Verity } from "../../core/dm/verity.ts";
import { hashTree, readRootDigest, zeroDigest } from "../../core/dm/verity-tree.ts";
import { MkinitrdError } from "../../core/errors.ts";
import { probeVerity, type VerityHeader } from "../../core/formats/verity.ts";
import type { LvTable } from "../../core/volumes/lvm-targets.ts";
import type { BlockDevice, Volume } from "../../core/volumes/types.ts";

/** Blocks of the data that are compared with the hash tree to find out which volume they are of. */
const SAMPLES = 8;

/** More than any system has; each costs SAMPLES blocks of each volume. */
const MOST_TREES = 16;
/** What the kernel takes at most. */
const MOST_BLOCK_BYTES = 65_536;

const HASH_TYPE = "DM_verity_hash";
/** A tree behind a filesystem begins at a multiple of this: the size of a block. */
const BEHIND_BYTES = 4096;

/** A volume with a dm-verity hash tree, and the data that the tree is of, as far as that is here; the same volume where the tree is behind it. */
export interface VerityPair {
  hash: Volume;
  header: VerityHeader;
  /** As the tree on the disk gives it: who can change the tree can change it, too. */
  rootDigest: Buffer;
  data?: Volume;
}

/** A device that verifies what it reads, as veritysetup would make it. */
export interface OpenedVerity {
  device: BlockDevice;
  table: LvTable;
  /** Name of the volume with the data. */
  dataName: string;
}

/**
 * The hash trees on volumes, each with the volume that its data is on: the partition whose UUID is the first half of the root hash, as the
 * discoverable partitions specification has it, or else the one whose blocks are those of the tree. A tree behind a filesystem is of that
 * one. Damaged ones are left out.
 */
export async function verityPairs(volumes: readonly Volume[]): Promise<VerityPair[]> {
  const trees: { hash: Volume; header: VerityHeader }[] = [];
  for (const hash of volumes) {
    const header = trees.length === MOST_TREES ? undefined : await orUndefined(() => probeTree(hash));
    // Over one block there is no tree: its own hash is the root, which nothing but the data tells.
    if (header !== undefined && header.dataBlocks > 1 && getHashes().includes(header.algorithm) && Math.max(header.dataBlockBytes, header.hashBlockBytes) <= MOST_BLOCK_BYTES) trees.push({ hash, header });
  }
  const found = await Promise.all(trees.map(({ hash, header }) => orUndefined(async (): Promise<VerityPair> => {
    const rootDigest = await readRootDigest(targetOf(header, hash));
    const data = hash.content?.type === HASH_TYPE ? await findData(volumes, hash, header, rootDigest) : hash;
    return { hash, header, rootDigest, ...(data === undefined ? {} : { data }) };
  })));
  return found.filter((pair) => pair !== undefined);
}

/** Of a hash device, or of a filesystem that ends where a superblock begins. */
async function probeTree({ content, sizeBytes, source }: Volume): Promise<VerityHeader | undefined> {
  if (source === undefined || content === undefined) return undefined;
  if (content.type === HASH_TYPE) return probeVerity(source);
  const at = Math.ceil((content.sizeBytes ?? 0) / BEHIND_BYTES) * BEHIND_BYTES;
  if (at === 0 || at >= sizeBytes) return undefined;
  const header = await probeVerity(source, at);
  return header !== undefined && header.dataBlocks * header.dataBlockBytes <= at ? header : undefined;
}

async function orUndefined<T>(make: () => Promise<T>): Promise<T | undefined> {
  try {
    return await make();
  } catch (error) {
    if (error instanceof MkinitrdError) return undefined;
    throw error;
  }
}

/** Opens what has these root hashes (hexadecimal). Throws when no tree has one of them, and when its data is not here. */
export async function openVerities(volumes: readonly Volume[], rootHashes: readonly string[]): Promise<OpenedVerity[]> {
  if (rootHashes.length === 0) return [];
  const pairs = await verityPairs(volumes);
  return rootHashes.map((rootHash) => {
    const fail = (found: string, next: string) => new MkinitrdError({ tried: "finding the dm-verity device with the root hash", on: rootHash, found, next });
    const pair = pairs.find(({ rootDigest }) => rootDigest.toString("hex") === rootHash.toLowerCase());
    if (pair === undefined) {
      const there = pairs.map(({ hash, rootDigest }) => `${hash.name} has ${rootDigest.toString("hex")}`).join(", ");
      throw fail(`no hash tree has it${there === "" ? ": there is none on the disks" : `; ${there}`}`, "check the root hash, and name the disk with the hash tree, too; the tree may have been changed");
    }
    const { data, hash, header, rootDigest } = pair;
    if (data === undefined) throw fail(`the hash tree is on ${hash.name}, and no volume has its data`, "name the disk that has it, too; data of which most was changed is not known again");
    const target = { ...targetOf(header, hash, data), rootDigest };
    const name = `verity-${header.uuid}`;
    const path = `/dev/mapper/${name}`;
    const below = [...new Set([data, hash])].map((volume) => volume.path ?? volume.name);
    return { table: { name, targets: [{ type: "verity" as const, ...target }] }, dataName: data.name, device: { path, source: { ...openVerity(target), name: path }, dm: { name, uuid: `CRYPT-VERITY-${header.uuid.replaceAll("-", "")}-${name}` }, below } };
  });
}

function targetOf({ algorithm, dataBlockBytes, dataBlocks, hashBlockBytes, hashType, salt, treeStartBytes }: VerityHeader, hash: Volume, data: Volume = hash): Verity {
  return {
    startSector: 0, lengthSectors: (dataBlocks * dataBlockBytes) / SECTOR_BYTES, hashType, dataDevice: deviceOf(data), hashDevice: deviceOf(hash),
    dataBlockBytes, hashBlockBytes, dataBlocks, hashStartBlock: treeStartBytes / hashBlockBytes, algorithm, rootDigest: Buffer.alloc(0), salt, options: [],
  };
}

function deviceOf({ name, path, source }: Volume): Device {
  return { path: path ?? name, source: source! };
}

async function findData(volumes: readonly Volume[], hash: Volume, header: VerityHeader, rootDigest: Buffer): Promise<Volume | undefined> {
  const fits = volumes.filter((volume) => volume !== hash && volume.source !== undefined && volume.sizeBytes >= header.dataBlocks * header.dataBlockBytes && volume.table === undefined);
  const half = rootDigest.toString("hex").slice(0, 32);
  const named = fits.filter(({ partition }) => partition?.partUuid.replaceAll("-", "") === half);
  if (named.length === 1) return named[0];
  const tree = hashTree({ ...targetOf(header, hash), rootDigest }, header.algorithm);
  const zeros = zeroDigest(tree, header.dataBlockBytes);
  const blocks = [...new Set(Array.from({ length: SAMPLES }, (_, index) => Math.floor(((header.dataBlocks - 1) * index) / (SAMPLES - 1))))];
  const wanted = (await Promise.all(blocks.map(async (block) => ({ block, digest: await tree.digestOf(block).catch(() => zeros) })))).filter(({ digest }) => !digest.equals(zeros));
  const scores = await Promise.all(fits.map(async ({ source }) => {
    const same = await Promise.all(wanted.map(async ({ block, digest }) => tree.digest(await readBlock(source!, block, header.dataBlockBytes)).equals(digest)));
    return same.filter((each) => each).length;
  }));
  const best = Math.max(0, ...scores);
  // Two versions of one filesystem share blocks; of the right one that is damaged, most are the same.
  const found = fits.filter((_, index) => best * 2 > wanted.length && scores[index] === best);
  const onDisk = found.filter(({ parent }) => parent !== undefined && parent === hash.parent);
  return found.length === 1 ? found[0] : onDisk.length === 1 ? onDisk[0] : undefined;
}

async function readBlock(source: Source, block: number, blockBytes: number): Promise<Buffer> {
  return source.read(block * blockBytes, blockBytes).catch(() => Buffer.alloc(0));
}
