import { closeSync, openSync, readSync } from "node:fs";
import { isatty } from "node:tty";
import type { Command } from "commander";
import { MkinitrdError } from "../../core/errors.ts";
import { quote } from "../../core/quote.ts";
import { askPassphrase, openTerminal, type PassphraseTerminal } from "../ask-passphrase.ts";
import type { Volume } from "../../core/volumes/types.ts";
import { describeIoError } from "../read-text.ts";
import type { Ask, UnlockWishes } from "./unlock.ts";
import { type HeaderWish, parseHeaderWish, parseKeySlot, parseTcryptWish, type TcryptWish } from "./wishes.ts";

/** As cryptsetup's own limit for key files; cryptsetup --help, "compiled-in defaults". */
const MOST_KEY_FILE_BYTES = 8 * 1024 * 1024;

/** How often a person may type, behind the key files. */
const ATTEMPTS = 3;
/** Of a PIM; VeraCrypt takes no longer one. */
const MOST_DIGITS = 7;
const ZERO = 0x30;

export interface UnlockOptions {
  unlock?: true;
  keyFile: string[];
  keySlot?: number;
  header?: HeaderWish[];
  tcrypt?: TcryptWish[];
  /** Of dm-verity devices, in hexadecimal. */
  rootHash?: string[];
}

export function addUnlockOptions(command: Command): Command {
  return command
    .option("--unlock", "ask for the passphrases of LUKS volumes, and look inside")
    .option("--key-file <file>", "a file whose bytes are a passphrase, - for standard input; may be given several times", collect((file) => file), [])
    .option("--key-slot <number>", "try passphrases on this LUKS keyslot alone", parseKeySlot)
    .option("--header <volume=file>", "open the LUKS volume whose header is in this file, or on this other volume; may be given several times", collect(parseHeaderWish), [])
    .option("--tcrypt <volume>", "open this TrueCrypt or VeraCrypt volume, with options behind commas as realroot specs have them: disk.img:2,pim=485,keyfile=FILE; may be given several times", collect(parseTcryptWish), [])
    .option("--root-hash <hex>", "the root hash of a dm-verity device, whose blocks are then verified; may be given several times", collect(parseRootHash), []);
}

function parseRootHash(text: string): string {
  if (/^(?:[0-9a-f]{2}){16,64}$/i.test(text)) return text.toLowerCase();
  throw new MkinitrdError({ tried: "reading the option --root-hash", on: quote(text), found: "it is no digest in hexadecimal digits", next: "write it as veritysetup format printed it: 64 digits for sha256" });
}

const collect = <T>(parse: (text: string) => T) => (text: string, all: T[]): T[] => [...all, parse(text)];

/** Files, beside the disks, that the options name: nothing may be written over them. */
export function namedFiles({ header = [], keyFile, tcrypt = [] }: UnlockOptions): string[] {
  const keyfiles = tcrypt.flatMap(({ given: { keyfile } }) => (typeof keyfile === "string" ? keyfile.split("\n") : []));
  return [...keyFile.filter((file) => file !== "-"), ...header.map((wish) => wish.header), ...keyfiles];
}

/** Who answers when a volume wants a passphrase, and what is to be opened. */
export interface Answers {
  ask: Ask;
  wishes: UnlockWishes;
  close(): void;
}

/** What answers when a volume wants a passphrase: key files first, then the terminal, where one is asked for. Undefined when nothing is to be opened. */
export function passphrases({ header = [], keyFile, keySlot, tcrypt = [], unlock }: UnlockOptions): Answers | undefined {
  const luks = unlock === true || keyFile.length > 0;
  if (!luks && header.length + tcrypt.length === 0) return undefined;
  const keys = readKeys(keyFile);
  // A volume that is named is asked for, unless a key file is what there is to try.
  const asks = unlock === true || keyFile.length === 0;
  let terminal: PassphraseTerminal | undefined;
  const askFor = (prompt: string) => askPassphrase(prompt, (terminal ??= openTerminal()));
  return {
    async ask(volume, attempt, opens) {
      const key = keys[attempt - 1];
      if (key !== undefined) return Buffer.from(key);
      if (!asks) return undefined;
      const label = volume.content?.label ?? volume.partition?.partLabel;
      const wrong = attempt > keys.length + 1 ? `It opens no ${opens}. ` : "";
      return askFor(`${wrong}Passphrase for ${volume.name}${label === undefined ? "" : ` "${label}"`}`);
    },
    wishes: {
      luks, headers: header, tcrypt, keySlot, attempts: keys.length + ATTEMPTS, onlyKeyFiles: !asks,
      async askPim(volume) {
        const typed = await askFor(`PIM (0 for none) for ${volume.name}`);
        try {
          return typed === undefined ? undefined : readPim(typed, volume);
        } finally {
          typed?.fill(0);
        }
      },
    },
    close() {
      for (const key of keys) key.fill(0);
      terminal?.input.destroy();
    },
  };
}

function readPim(typed: Buffer, { name }: Volume): number {
  const isNumber = typed.length > 0 && typed.length <= MOST_DIGITS && typed.every((byte) => byte >= ZERO && byte <= ZERO + 9);
  if (!isNumber) throw new MkinitrdError({ tried: "reading the PIM", on: name, found: "it is no number of at most 7 digits", next: "type digits alone, 0 for none" });
  return typed.reduce((sum, byte) => sum * 10 + byte - ZERO, 0);
}

function readKeys(files: readonly string[]): Buffer[] {
  const keys: Buffer[] = [];
  try {
    for (const file of files) keys.push(readKey(file));
    return keys;
  } catch (error) {
    for (const key of keys) key.fill(0);
    throw error;
  }
}

const POLL_MS = 20;

/** Reads as read(2) does of a descriptor that blocks; standard input may be a pipe that does not, and whose writer takes its time. */
function readWaiting(descriptor: number, into: Buffer): number {
  for (;;) {
    try {
      return readSync(descriptor, into);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EAGAIN") throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, POLL_MS);
    }
  }
}

/** All bytes of a file, in a Buffer that no copy of was made. */
function readKey(file: string): Buffer {
  if (file === "-" && isatty(0)) throw new MkinitrdError({ tried: "reading the key file", on: "standard input", found: "it is a terminal, which would show what is typed", next: "--unlock asks for a passphrase" });
  const buffer = Buffer.alloc(MOST_KEY_FILE_BYTES + 1);
  let length = 0;
  try {
    const descriptor = file === "-" ? 0 : openSync(file, "r");
    try {
      for (let read = -1; read !== 0 && length < buffer.length; length += read) read = readWaiting(descriptor, buffer.subarray(length));
    } finally {
      if (descriptor !== 0) closeSync(descriptor);
    }
    if (length > MOST_KEY_FILE_BYTES) throw new Error(`it has more than ${MOST_KEY_FILE_BYTES} bytes`);
    return Buffer.from(buffer.subarray(0, length));
  } catch (cause) {
    throw new MkinitrdError({ tried: "reading the key file", on: file === "-" ? "standard input" : file, found: describeIoError(cause), cause });
  } finally {
    buffer.fill(0);
  }
}
