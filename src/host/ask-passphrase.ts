import { openSync } from "node:fs";
import { ReadStream, WriteStream } from "node:tty";
import { MkinitrdError } from "../core/errors.ts";
import { printableLine } from "../core/quote.ts";

/** As cryptsetup: longer ones are refused. */
const MOST_BYTES = 512;
const [CTRL_C, CTRL_D, BACKSPACE, LINE_FEED, RETURN, CTRL_U, ESCAPE, DELETE] = [0x03, 0x04, 0x08, 0x0a, 0x0d, 0x15, 0x1b, 0x7f];

/** Somebody, or the terminal's end, has put an end to the asking: nothing else is asked either. */
export class AskingEnded extends MkinitrdError {}

/** A person's terminal, which is asked whatever standard input and output are. */
export interface PassphraseTerminal {
  input: ReadStream;
  output: { write(text: string): unknown };
}

/** The controlling terminal. Throws when there is none. */
export function openTerminal(): PassphraseTerminal {
  try {
    return { input: new ReadStream(openSync("/dev/tty", "r")), output: new WriteStream(openSync("/dev/tty", "w")) };
  } catch (cause) {
    throw new MkinitrdError({ tried: "asking for a passphrase", on: "this terminal", found: "there is none", next: "give it in a file, or on standard input: --key-file -", cause });
  }
}

/**
 * Asks for a line that is not shown; undefined when Escape, or Ctrl-D on an empty line, goes on without one. Backspace takes back a
 * character, Ctrl-U all. The caller wipes what it gets; rejects on Ctrl-C, and when the terminal goes away.
 */
export async function askPassphrase(prompt: string, { input, output }: PassphraseTerminal): Promise<Buffer | undefined> {
  const question = `${printableLine(prompt)}: `;
  const line = Buffer.alloc(MOST_BYTES);
  let length = 0;
  let isTooLong = false;
  const restart = () => {
    line.fill(0);
    [length, isTooLong] = [0, false];
  };
  input.setRawMode(true); // before the question: what is typed at once is not shown
  try {
    output.write(question);
    return await new Promise<Buffer | undefined>((resolve, reject) => {
      const ended = () => reject(stopped("the terminal is gone"));
      const take = (bytes: Buffer) => {
        const done = (answer: Buffer | undefined) => {
          input.off("data", take).off("end", ended).off("error", ended);
          resolve(answer);
        };
        try {
          if (bytes.length > 1 && bytes[0] === ESCAPE) return; // an arrow key, not Escape
          for (const byte of bytes) {
            if (byte === CTRL_C) return reject(stopped("Ctrl-C"));
            if (byte === ESCAPE || (byte === CTRL_D && length === 0)) return done(undefined);
            if (byte === RETURN || byte === LINE_FEED) {
              if (!isTooLong) return done(Buffer.from(line.subarray(0, length)));
              restart();
              output.write(`\nIt is longer than ${MOST_BYTES} bytes, which no passphrase is.\n${question}`);
            } else if (byte === CTRL_U) restart();
            else if (byte === BACKSPACE || byte === DELETE) length = beforeLastCharacter(line, length);
            else if (length === MOST_BYTES) isTooLong = true; // to the line's end: no rest of it is left for a shell
            else line[length++] = byte;
          }
        } finally {
          bytes.fill(0);
        }
      };
      input.on("data", take).once("end", ended).once("error", ended);
      input.resume();
    });
  } finally {
    line.fill(0);
    input.removeAllListeners("data").pause().setRawMode(false);
    output.write("\n");
  }
}

/** Where the last character begins: of UTF-8, bytes 10xxxxxx go with the one in front of them. */
function beforeLastCharacter(line: Buffer, length: number): number {
  let at = Math.max(0, length - 1);
  while (at > 0 && (line[at]! & 0xc0) === 0x80) at--;
  return at;
}

function stopped(found: string): AskingEnded {
  return new AskingEnded({ tried: "asking for a passphrase", on: "this terminal", found });
}
