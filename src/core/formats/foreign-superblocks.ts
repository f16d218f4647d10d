import { crc32cRaw, crc32Raw } from "../binary/checksums.ts";
import { ascii, bytes, struct, u16le, u32be, u32le, u64le, u8, uuid } from "../binary/struct.ts";
import { identity, labelText } from "./label.ts";
import { hasMagic, isPowerOfTwo, readInside, superblockProbe } from "./superblock.ts";

// Filesystems and containers that one structure tells, and that no Linux boots from: of other systems, of flash, of clusters.
// Where a magic is short, the checks behind it make chance as unlikely as a long one does.

/** UBIFS, the superblock node at byte 0. Linux fs/ubifs/ubifs-media.h, struct ubifs_sb_node. */
export const probeUbifs = superblockProbe({
  type: "ubifs", startBytes: [0], magic: { at: 0, bytes: "\x31\x18\x10\x06" },
  layout: struct("UBIFS superblock", 4096, { checksum: u32le(4), blockBytes: u32le(36), blocks: u32le(40), version: u32le(80), uuid: uuid(108), readOnlyVersion: u32le(124) }),
  read({ blockBytes, blocks, checksum, readOnlyVersion, uuid, version }, raw) {
    return crc32Raw(0xffffffff, raw.subarray(8)) === checksum ? { version: `w${version}r${readOnlyVersion}`, ...identity(uuid, undefined), sizeBytes: blocks * blockBytes } : undefined;
  },
});

/** ScoutFS's metadata or data device, at byte 65536. scoutfs kmod/src/format.h, struct scoutfs_super_block. */
const scoutfs = (type: string, isMetadata: boolean, blockSizeBytes: number) => superblockProbe({
  type, startBytes: [65536], magic: { at: 4, bytes: "\x8b\x42\x3c\x10" },
  layout: struct("ScoutFS superblock", 4096, { checksum: u32le(0), version: u64le(40), flags: u64le(48), uuid: uuid(56) }),
  read({ checksum, flags, uuid, version }, raw) {
    const isSound = crc32cRaw(0xffffffff, raw.subarray(4)) === checksum && ((flags & 1n) === 1n) === isMetadata;
    return isSound ? { version: `${version}`, ...identity(uuid, undefined), blockSizeBytes } : undefined;
  },
});
export const probeScoutfsMeta = scoutfs("scoutfs_meta", true, 65536);
export const probeScoutfsData = scoutfs("scoutfs_data", false, 4096);

const vxfs = (startByte: number, magic: string, u32: typeof u32le) => superblockProbe({
  type: "vxfs", startBytes: [startByte], magic: { at: 0, bytes: magic },
  layout: struct("VxFS superblock", 44, { version: u32(4), blockBytes: u32(32) }),
  read: ({ blockBytes, version }) => version >= 1 && version <= 64 && isPowerOfTwo(blockBytes, 512, 65536) ? { version: `${version}`, blockSizeBytes: blockBytes } : undefined,
});
/** VxFS of SCO and of HP-UX. Linux fs/freevxfs/vxfs.h, struct vxfs_sb. */
export const probeVxfsLittle = vxfs(1024, "\xf5\xfc\x01\xa5", u32le);
export const probeVxfsBig = vxfs(8192, "\xa5\x01\xfc\xf5", u32be);

/** A pool of Novell Storage Services, at byte 4096. libblkid src/superblocks/netware.c. */
export const probeNss = superblockProbe({
  type: "nss", startBytes: [4096], magic: { at: 0, bytes: "SPB5" },
  layout: struct("NSS superblock", 364, { major: u16le(4), minor: u16le(6), mediaMajor: u16le(8), mediaMinor: u16le(10), packedBytes: u32le(32), poolId: uuid(348) }),
  read({ major, mediaMajor, mediaMinor, minor, packedBytes, poolId }) {
    if ([major, minor, mediaMajor, mediaMinor].some((number) => number > 255) || packedBytes > 4096) return undefined;
    return { version: `${mediaMajor}.${`${mediaMinor}`.padStart(2, "0")}`, ...identity(poolId, undefined) };
  },
});

/** VMware's VMFS, at 2 MiB. libblkid src/superblocks/vmfs.c. */
export const probeVmfs = superblockProbe({
  type: "VMFS", startBytes: [2 * 1024 * 1024], magic: { at: 0, bytes: "\x5e\xf1\xab\x2f" },
  layout: struct("VMFS superblock", 157, { volumeVersion: u32le(4), version: u8(8), id: bytes(9, 16), label: bytes(29, 128) }),
  read: ({ id, label, version, volumeVersion }) => volumeVersion < 256 && version < 32 ? { version: `${version}`, ...identity(vmfsId(id), labelText(label)) } : undefined,
});

/** What a VMFS lies on, at 1 MiB. libblkid src/superblocks/vmfs.c. Its UUID is the logical volume's, a text. */
export const probeVmfsMember = superblockProbe({
  type: "VMFS_volume_member", startBytes: [1024 * 1024], magic: { at: 0, bytes: "\x0d\xd0\x01\xc0" },
  layout: struct("VMFS volume", 567, { version: u32le(4), volume: ascii(532, 35) }),
  read: ({ version, volume }) => /^[0-9a-f]{8}-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{12}$/.test(volume) ? { version: `${version}`, uuid: volume } : undefined,
});

/** A volume of Apple's Core Storage, as FileVault 2 makes it. libfvde, "Core Storage format"; libblkid src/superblocks/cs_fvault2.c. */
export const probeFvault2 = superblockProbe({
  type: "cs_fvault2", startBytes: [0], magic: { at: 88, bytes: "CS" },
  layout: struct("Core Storage header", 512, { checksum: u32le(0), seed: u32le(4), version: u16le(8), kind: u16le(10), checksumType: u32le(90), keyBytes: u32le(168), cipher: u32le(172), uuid: uuid(304) }),
  read({ checksum, checksumType, cipher, keyBytes, kind, seed, uuid, version }, raw) {
    const isKnown = version === 1 && checksumType === 1 && kind === 0x10 && keyBytes === 16 && cipher === 2;
    return isKnown && crc32cRaw(seed, raw.subarray(8)) === checksum ? { version: "1", ...identity(uuid, undefined) } : undefined;
  },
});

/** The control volume of drbdmanage: a text, and binary data at byte 4096. libblkid src/superblocks/drbdmanage.c. */
export const probeDrbdmanage = superblockProbe({
  type: "drbdmanage_control_volume", startBytes: [0], magic: { at: 0, bytes: "$DRBDmgr=q" },
  layout: struct("drbdmanage header", 44, { uuid: ascii(11, 32), lineFeed: u8(43) }),
  async read({ lineFeed, uuid }, _raw, _at, source) {
    if (lineFeed !== 0x0a || !/^[0-9a-f]{32}$/i.test(uuid)) return undefined;
    const data = await readInside(source, 4096, 8);
    return { uuid, ...(data !== undefined && hasMagic(data, 0, "\x1a\xdb\x98\xa2") ? { version: `${data.readUInt32BE(4)}` } : {}) };
  },
});

/** Two numbers of 32 bits, one of 16, and six bytes. */
function vmfsId(id: Buffer): string {
  return [id.subarray(0, 4).reverse(), id.subarray(4, 8).reverse(), id.subarray(8, 10).reverse(), id.subarray(10)].map((part) => part.toString("hex")).join("-");
}
