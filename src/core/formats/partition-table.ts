/** What a partition table says, whichever format it has. */
export interface PartitionTable {
  type: "gpt" | "dos";
  /** The disk's own: a GUID in lower case, or the eight hexadecimal digits of an MBR's disk signature. */
  uuid: string;
  /** By number. An extended partition of an MBR is among them, as the kernel lists it. */
  partitions: Partition[];
  /** GPT keeps two; an MBR is always its own primary. */
  usedCopy: "primary" | "backup";
  /** What is wrong with the table, though it can be used: one sentence each. */
  damage: string[];
  /** The logical block that the table counts in; it may differ from what the disk says now. */
  logicalBlockBytes: number;
}

/** One partition; it lies inside the disk. */
export interface Partition {
  /** As in the kernel's name for it: 5 and up are the logical ones of an MBR. */
  number: number;
  startBytes: number;
  sizeBytes: number;
  /** MBR only: so many more it has by the table, behind the disk's end. */
  cutBytes?: number;
  /** As PARTUUID= names it: a GUID in lower case; of an MBR the disk signature and the number, `deadbe01-05`. */
  partUuid: string;
  /** GPT only; absent when empty. */
  partLabel?: string;
  /** GPT only, in lower case. */
  typeGuid?: string;
  /** MBR only: 0x83, 0x05, … */
  typeByte?: number;
}
