import type { ReadStream } from "node:tty";

/** What a person's keys do: the bytes for the guest, and whether to quit. */
export interface KeyFilter {
  (bytes: Buffer): { forGuest: Buffer; quit: boolean };
}

const CTRL_A = 0x01;
const CTRL_RIGHT_BRACKET = 0x1d;

export const QUIT_KEYS = "Ctrl-] or Ctrl-A X quits; Ctrl-A Ctrl-A types Ctrl-A";

/** Takes Ctrl-] and Ctrl-A X out of what is typed, also when they come in pieces; Ctrl-A twice is Ctrl-A. */
export function quitKeys(): KeyFilter {
  let prefixed = false;
  return (bytes) => {
    const forGuest: number[] = [];
    for (const byte of bytes) {
      if (byte === CTRL_RIGHT_BRACKET || (prefixed && (byte === 0x78 || byte === 0x58))) return { forGuest: Buffer.from(forGuest), quit: true };
      if (!prefixed && byte === CTRL_A) {
        prefixed = true;
        continue;
      }
      if (prefixed && byte !== CTRL_A) forGuest.push(CTRL_A);
      forGuest.push(byte);
      prefixed = false;
    }
    return { forGuest: Buffer.from(forGuest), quit: false };
  };
}

/** Joins a person's terminal to a guest's console, every key as it is; the function that it gives puts the terminal back. */
export function attachTerminal(input: ReadStream, type: (bytes: Buffer) => void, quit: () => void): () => void {
  const filter = quitKeys();
  const onData = (bytes: Buffer): void => {
    const { forGuest, quit: ends } = filter(bytes);
    if (forGuest.length > 0) type(forGuest);
    if (ends) quit();
  };
  input.setRawMode(true);
  input.on("data", onData);
  input.resume();
  return () => {
    input.off("data", onData);
    input.setRawMode(false);
    input.pause();
  };
}
