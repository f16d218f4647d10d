/** What probing a source found in it. `type` is blkid's TYPE word: `crypto_LUKS`, `LVM2_member`, `ext4`. */
export interface Content {
  type: string;
  uuid?: string;
  label?: string;
  /** Format version, where a type has several: LUKS `1` or `2`. */
  version?: string;
  /** The smallest block that it is read in, as blkid's BLOCK_SIZE: a device with larger blocks can't carry it. */
  blockSizeBytes?: number;
  /** How many bytes the content says it needs; more than the source has means that it was cut short. */
  sizeBytes?: number;
  /** What is wrong with it, though it can be used: `primary header damaged, the secondary was used`. */
  damage?: string[];
  /** Btrfs: which device of how many this one is; a filesystem can be mounted when all of them are there. */
  member?: { uuid: string; id: number; count: number };
  /**
   * Its signature lies behind the first sector, and it is none of the usual filesystems and containers: it may be what an
   * earlier use of the device has left, under a volume that has no signature of its own (TrueCrypt).
   */
  mayBeRemains?: true;
  /** LUKS2 with Argon2: the memory that the cheapest and the dearest keyslot want to derive a key. */
  kdfMemoryBytes?: { least: number; most: number };
}
