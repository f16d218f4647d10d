// What `mkinitrd/rc` is: the types that a rc script is written against, and the few things that one may import to run.
export type {
  Ask, ConfirmQuestion, Context, Devices, Filesystems, FilesystemCheck, FilesystemMount, FindLogicalOptions, FindOptions, Hibernation, KeyFilePart, KeyFiles,
  KindScript, Log, OpenVolume, PassphraseQuestion, Stages, StepScript, System, UnlockAttempt, UnlockQuestion, Volumes,
} from "./types.ts";
export type { Exec, ExecOptions, ExecResult } from "../exec.ts";
export type { Failure } from "../errors.ts";
export type { BootRequest, Stage } from "../realroot/types.ts";
export type { Content, Volume } from "../volumes/types.ts";
export type { Source } from "../binary/source.ts";
export type { Decoded, Field, Struct } from "../binary/struct.ts";
export { hex32, MkinitrdError } from "../errors.ts";
export { openFile } from "../binary/file.ts";
export { memorySource, SECTOR_BYTES, window } from "../binary/source.ts";
export { ascii, bytes, guid, struct, toNumber, u16be, u16le, u32be, u32le, u64be, u64le, u8, utf16le, utf8, uuid } from "../binary/struct.ts";
export { crc32, crc32c } from "../binary/checksums.ts";
