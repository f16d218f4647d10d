import { MkinitrdError } from "../errors.ts";

/** In `MdMember.roles`: a spare, a failed device, a journal, or a number that no device has. */
export const NO_ROLE = -1;

/** One member of an md array, as its superblock describes itself and the array. */
export interface MdMember {
  metadata: "0.90" | "1.0" | "1.1" | "1.2";
  /** Of the array, in the form of a UUID; mdadm prints the same digits in four groups. */
  uuid: string;
  /** 1.x: of this member, and the array's name: `host:root`. */
  deviceUuid?: string;
  name?: string;
  /** 0, 1, 4, 5, 6, 10; -1 is linear. */
  level: number;
  /** Roles in the array, whether a device has them or not. */
  raidDisks: number;
  createdSeconds: number;
  /** Grows with each change of the array: a member that was away for a while has fewer. */
  events: bigint;
  /** The index of this member in `roles`. */
  deviceNumber: number;
  /** By device number: the role, from 0 to raidDisks - 1, or NO_ROLE. */
  roles: number[];
  superblockByte: number;
  /** Of a stripe; 0 where the level has none. */
  chunkSectors: number;
  /** As the level numbers them: where parity goes, or how many copies there are and where. */
  layout: number;
  /** Its shape is being changed: what lies where depends on how far that got. */
  reshaping?: true;
  /** Where the array's data lies on this device. */
  dataStartBytes: number;
  dataBytes: number;
  /** It is being rebuilt: its data is not whole yet. */
  recovering?: true;
  /** 0.90: N of the /dev/mdN that it was last. */
  preferredMinor?: number;
  /** 0.90 of a machine with the other byte order: no kernel here assembles it. */
  foreignByteOrder?: true;
}

/** The error for a superblock with damage. */
export function mdFailure(on: string, found: string): MkinitrdError {
  return new MkinitrdError({ tried: "reading the md superblock", on, found, next: "compare with the other members: mdadm --examine" });
}
