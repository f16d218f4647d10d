import { crc32Raw } from "../binary/checksums.ts";
import { ascii, bytes, struct, toNumber, u16le, u32be, u32le, u64le, u8, uuid } from "../binary/struct.ts";
import { identity, labelText } from "./label.ts";
import { isPowerOfTwo, readInside, superblockProbe } from "./superblock.ts";

// Filesystems that one structure tells, and that a Linux may be on. Each docstring names the format's own table; where a magic is short, the checks
// behind it make chance as unlikely as a long one does. Each reads its structure, at each of its places, and no more.

/** JFS, at byte 32768. Linux fs/jfs/jfs_superblock.h. */
export const probeJfs = superblockProbe({
  type: "jfs", startBytes: [32768], magic: { at: 0, bytes: "JFS1" },
  layout: struct("JFS superblock", 168, {
    blocks: u64le(8), // of the device
    blockBytes: u32le(16), blockLog: u16le(20), factorLog: u16le(22),
    deviceBlockBytes: u32le(24), deviceBlockLog: u16le(28),
    uuid: uuid(136), label: bytes(152, 16),
  }),
  read({ blockBytes, blockLog, blocks, deviceBlockBytes, deviceBlockLog, factorLog, label, uuid }, _raw, _at, source) {
    if (blockLog > 31 || deviceBlockLog > 31 || blockBytes !== 2 ** blockLog || deviceBlockBytes !== 2 ** deviceBlockLog || factorLog !== blockLog - deviceBlockLog) return undefined;
    return { ...identity(uuid, labelText(label)), blockSizeBytes: blockBytes, sizeBytes: toNumber(blocks, `the blocks of the JFS on ${source.name}`) * deviceBlockBytes };
  },
});

/** ReiserFS 3.5, 3.6 and with a journal elsewhere, at byte 65536 or 8192. Linux fs/reiserfs/reiserfs.h, struct reiserfs_super_block. */
export const probeReiserfs = superblockProbe({
  type: "reiserfs", startBytes: [65536, 8192], magic: { at: 52, bytes: "ReIsEr" },
  layout: struct("ReiserFS superblock", 116, { blocks: u32le(0), journalBlock: u32le(12), blockBytes: u16le(44), magic: ascii(52, 10), uuid: uuid(84), label: bytes(100, 16) }),
  read({ blockBytes, blocks, journalBlock, label, magic, uuid }, _raw, startByte) {
    const version = { ReIsErFs: "3.5", ReIsEr2Fs: "3.6", ReIsEr3Fs: "JR" }[magic];
    // Of a superblock that lies in the journal, it is an old copy.
    if (version === undefined || !isPowerOfTwo(blockBytes, 512, 32768) || Math.floor(startByte / 1024 / (blockBytes >> 9)) > journalBlock / 2) return undefined;
    return { version, ...(version === "3.5" ? {} : identity(uuid, labelText(label))), blockSizeBytes: blockBytes, sizeBytes: blocks * blockBytes };
  },
});

/** Reiser4, at byte 65536. reiser4progs, plugin/format/format40; the block size is in 256 bytes. */
export const probeReiser4 = superblockProbe({
  type: "reiser4", startBytes: [65536], magic: { at: 0, bytes: "ReIsEr4" },
  layout: struct("Reiser4 superblock", 52, { blockUnits: u8(19), uuid: uuid(20), label: bytes(36, 16) }),
  read: ({ blockUnits, label, uuid }) => isPowerOfTwo(blockUnits, 2, 128) ? { version: "4", ...identity(uuid, labelText(label)), blockSizeBytes: blockUnits * 256 } : undefined,
});

/** OCFS2, in its third block. Linux fs/ocfs2/ocfs2_fs.h, struct ocfs2_dinode and ocfs2_super_block. */
export const probeOcfs2 = superblockProbe({
  type: "ocfs2", startBytes: [1024, 2048, 4096, 8192], magic: { at: 0, bytes: "OCFSV2" },
  layout: struct("OCFS2 superblock", 352, { clusters: u32le(20), block: u64le(80), major: u16le(192), minor: u16le(194), blockLog: u32le(248), clusterLog: u32le(252), label: bytes(272, 64), uuid: uuid(336) }),
  read({ block, blockLog, clusterLog, clusters, label, major, minor, uuid }, _raw, startByte) {
    if (block !== 2n || startByte !== 2 * 2 ** blockLog || clusterLog > 20) return undefined;
    return { version: `${major}.${minor}`, ...identity(uuid, labelText(label)), blockSizeBytes: 1 << blockLog, sizeBytes: clusters * 2 ** clusterLog };
  },
});

/** GFS2, at byte 65536, big-endian. Linux include/uapi/linux/gfs2_ondisk.h, struct gfs2_sb. The label is the lock table. */
export const probeGfs2 = superblockProbe({
  type: "gfs2", startBytes: [65536], magic: { at: 0, bytes: "\x01\x16\x19\x70" },
  layout: struct("GFS2 superblock", 272, { kind: u32be(4), format: u32be(24), hosts: u32be(28), blockBytes: u32be(36), blockLog: u32be(40), label: bytes(160, 64), uuid: uuid(256) }),
  read({ blockBytes, blockLog, format, hosts, kind, label, uuid }) {
    const isKnown = kind === 1 && format >= 1800 && format < 1900 && hosts >= 1900 && hosts < 2000;
    return isKnown && blockBytes === 2 ** blockLog ? { version: "1", ...identity(uuid, labelText(label)), blockSizeBytes: blockBytes } : undefined;
  },
});

const cramfs = (magic: string, u32: typeof u32le) => superblockProbe({
  type: "cramfs", startBytes: [0], magic: { at: 0, bytes: magic },
  layout: struct("cramfs superblock", 64, { sizeBytes: u32(4), flags: u32(8), signature: ascii(16, 16), checksum: u32(32), label: bytes(48, 16) }),
  async read({ checksum, flags, label, signature, sizeBytes }, _raw, _at, source) {
    if (signature !== "Compressed ROMFS") return undefined;
    // The checksum is over the whole image: of a small one it is looked at.
    const whole = flags & 1 && sizeBytes >= 64 && sizeBytes <= 65536 ? await readInside(source, 0, sizeBytes) : undefined;
    const isDamaged = whole !== undefined && ~crc32Raw(0xffffffff, whole.fill(0, 32, 36)) >>> 0 !== checksum;
    return { version: flags & 1 ? "2" : "1", ...identity(undefined, labelText(label)), sizeBytes, ...(isDamaged ? { damage: ["its checksum is wrong"] } : {}) };
  },
});
/** cramfs, in either byte order. Linux include/uapi/linux/cramfs_fs.h. */
export const probeCramfsLittle = cramfs("\x45\x3d\xcd\x28", u32le);
export const probeCramfsBig = cramfs("\x28\xcd\x3d\x45", u32be);

/** romfs, big-endian. Linux Documentation/filesystems/romfs.rst. The words of the first 512 bytes add up to zero. */
export const probeRomfs = superblockProbe({
  type: "romfs", startBytes: [0], magic: { at: 0, bytes: "-rom1fs-" },
  layout: struct("romfs superblock", 32, { sizeBytes: u32be(8), label: bytes(16, 16) }),
  async read({ label, sizeBytes }, _raw, _at, source) {
    const covered = (await readInside(source, 0, Math.min(512, sizeBytes - (sizeBytes % 4)))) ?? Buffer.alloc(0);
    let sum = 0;
    for (let at = 0; at + 4 <= covered.length; at += 4) sum = (sum + covered.readUInt32BE(at)) >>> 0;
    return { ...identity(undefined, labelText(label)), blockSizeBytes: 1024, sizeBytes, ...(sum === 0 ? {} : { damage: ["its checksum is wrong"] }) };
  },
});
