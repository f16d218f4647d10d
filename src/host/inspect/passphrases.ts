import { closeSync, openSync, readSync } from "node:fs";
import type { Command } from "commander";
import { MkinitrdError } from "../../core/errors.ts";
import { askPassphrase, openTerminal, type PassphraseTerminal } from "../ask-passphrase.ts";
import { describeIoError } from "../read-text.ts";
import type { Ask } from "./unlock.ts";

/** As cryptsetup's own limit for key files; cryptsetup --help, "compiled-in defaults". */
const MOST_KEY_FILE_BYTES = 8 * 1024 * 1024;

export interface UnlockOptions {
  unlock?: true;
  keyFile: string[];
}

export function addUnlockOptions(command: Command): Command {
  return command
    .option("--unlock", "ask for the passphrases of LUKS volumes, and look inside")
    .option("--key-file <file>", "a file whose bytes are a passphrase, - for standard input; may be given several times", (file: string, all: string[]) => [...all, file], []);
}

/** What answers when a volume wants a passphrase: key files first, then the terminal, where --unlock asks for it. Undefined when neither is asked for. */
export function passphrases({ keyFile, unlock }: UnlockOptions): { ask: Ask; close(): void } | undefined {
  if (unlock !== true && keyFile.length === 0) return undefined;
  const keys = keyFile.map(readKey);
  let terminal: PassphraseTerminal | undefined;
  return {
    async ask(volume, attempt) {
      const key = keys[attempt - 1];
      if (key !== undefined) return Buffer.from(key);
      if (unlock !== true) return undefined;
      terminal ??= openTerminal();
      const wrong = attempt > keys.length + 1 ? "It opens no keyslot. " : "";
      return askPassphrase(`${wrong}Passphrase for ${volume.name}${volume.content?.label === undefined ? "" : ` "${volume.content.label}"`}`, terminal);
    },
    close() {
      for (const key of keys) key.fill(0);
      terminal?.input.destroy();
    },
  };
}

/** All bytes of a file, in a Buffer that no copy of was made. */
function readKey(file: string): Buffer {
  const buffer = Buffer.alloc(MOST_KEY_FILE_BYTES + 1);
  let length = 0;
  try {
    const descriptor = file === "-" ? 0 : openSync(file, "r");
    try {
      for (let read = -1; read !== 0 && length < buffer.length; length += read) read = readSync(descriptor, buffer, length, buffer.length - length, null);
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
