import { ascii, bytes, struct, u32be, u32le, u64be, u8 } from "../binary/struct.ts";
import { superblockProbe } from "./superblock.ts";

// Members of arrays that firmware or DRBD makes, most of them by a structure near the device's end. The tables are those of
// libblkid's src/superblocks and of dmraid's lib/format/ataraid.

/** Adaptec HostRAID, in the last sector. */
export const probeAdaptec = superblockProbe({
  type: "adaptec_raid_member", startBytes: [-512], endBlockBytes: 512, magic: { at: 256, bytes: "DPTM" },
  layout: struct("Adaptec RAID metadata", 512, { magic: u32be(0), version: u8(63) }),
  read: ({ magic, version }) => magic === 0x37fc4d1e ? { version: `${version}` } : undefined,
});

const isw = (sectorBytes: number) => superblockProbe({
  type: "isw_raid_member", startBytes: [-2 * sectorBytes], endBlockBytes: sectorBytes, magic: { at: 0, bytes: "Intel Raid ISM Cfg Sig. " },
  layout: struct("Intel RAID metadata", 48, { version: ascii(24, 6) }),
  read: ({ version }) => ({ version }),
});
/** Intel's Rapid Storage, in the last sector but one, of 512 or 4096 bytes. */
export const probeIsw = isw(512);
export const probeIsw4k = isw(4096);

/** LSI Logic MegaRAID, in the last sector. */
export const probeLsi = superblockProbe({
  type: "lsi_mega_raid_member", startBytes: [-512], endBlockBytes: 512, magic: { at: 0, bytes: "$XIDE$" },
  layout: struct("LSI RAID metadata", 6, {}),
  read: () => ({}),
});

/** VIA VT8237, in the last sector. Its signature is that of an MBR, and its sum one byte: what is reserved must be zero. */
export const probeVia = superblockProbe({
  type: "via_raid_member", startBytes: [-512], endBlockBytes: 512, magic: { at: 0, bytes: "\x55\xaa" },
  layout: struct("VIA RAID metadata", 512, { version: u8(2), capacityHigh: u32le(10), checksum: u8(50), reserved: bytes(51, 460) }),
  read({ capacityHigh, checksum, reserved, version }, raw) {
    const sum = raw.subarray(0, 50).reduce((total, byte) => total + byte, 0) & 0xff;
    return version <= 2 && capacityHigh < 65536 && sum === checksum && reserved.every((byte) => byte === 0) ? { version: `${version}` } : undefined;
  },
});

/** HighPoint HPT37x, in sector 9. */
export const probeHpt37x = superblockProbe({
  type: "hpt37x_raid_member", startBytes: [9 * 512], magic: { at: 33, bytes: "\x16\x78\x5a" },
  layout: struct("HighPoint RAID metadata", 512, { reserved: bytes(0, 32), state: u8(32), disks: u8(48), kind: u8(50), disk: u8(51) }),
  read({ disk, disks, kind, reserved, state }) {
    const isKnown = (state === 0xf0 || state === 0xfd) && disks <= 32 && disk <= 32 && kind <= 8; // 0xfd: the array is broken
    return isKnown && reserved.every((byte) => byte === 0) ? {} : undefined;
  },
});

const drbd = (version: string, magic: string, uuidByte: number, usedBytes: number) => superblockProbe({
  type: "drbd", startBytes: [-4096], magic: { at: 60, bytes: magic },
  layout: struct("DRBD metadata", 4096, { deviceUuid: u64be(uuidByte), bytesPerBit: u32be(80), reserved: bytes(usedBytes, 4096 - usedBytes) }),
  read: ({ bytesPerBit, deviceUuid, reserved }) => bytesPerBit === 4096 && reserved.every((byte) => byte === 0) ? { version, uuid: deviceUuid.toString(16) } : undefined,
});
/** DRBD's internal metadata, in the last 4096 bytes. drbd-headers, drbd_meta_data.h; the second is 8.4 that was not stopped. */
export const probeDrbd8 = drbd("v08", "\x83\x74\x02\x6b", 40, 100);
export const probeDrbd84 = drbd("v08", "\x83\x74\x02\x6c", 40, 100);
export const probeDrbd9 = drbd("v09", "\x83\x74\x02\x6d", 48, 1392);
