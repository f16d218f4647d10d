import { PassThrough } from "node:stream";
import { expect } from "vitest";
import type { Console } from "../../../src/boot/console.ts";
import { createTerminal } from "../../../src/host/qemu/terminal.ts";

export interface Desk {
  terminal: Console;
  /** The emulated screen, its rows joined, without trailing blanks. */
  screen(): string;
  /** All rows, those that have scrolled away among them. */
  text(): string;
  /** Resolves when this stands on the screen. */
  shows(pattern: RegExp | string): Promise<string>;
  /** Resolves when this does not stand on the screen. */
  hides(pattern: RegExp): Promise<void>;
  /** Keys, which wait until somebody listens. */
  type(text: string | Buffer): void;
  /** Every buffer that a listener got. */
  given: Buffer[];
  /** Somebody reads keys. */
  isRead(): boolean;
  /** The line hangs up, and somebody else with an empty screen plugs in. */
  hangUp(): void;
  resize(columns: number, rows: number): void;
  /** What the program sent, as it is. */
  raw(): string;
}

/** A terminal without hardware: an emulated screen, and keys that whoever listens gets as the console gives them. */
export function createDesk({ columns = 80, rows = 24, isDumb = false, name = "/dev/ttyS0", answers = true } = {}): Desk {
  const output = Object.assign(new PassThrough(), { columns, rows, isTTY: true }) as unknown as NodeJS.WriteStream;
  const emulator = createTerminal((reply) => answers && type(reply), { columns, rows });
  const given: Buffer[] = [];
  let listener: ((bytes: Buffer) => void) | undefined;
  let kept = Buffer.alloc(0);
  let sent = "";
  let reopened = () => {};
  output.on("data", (data: Buffer) => {
    sent += data.toString();
    emulator.write(Buffer.from(data.toString().replaceAll("\n", "\r\n"))); // as the line discipline does
  });
  const flush = () => {
    if (listener === undefined || kept.length === 0) return;
    const bytes = kept;
    kept = Buffer.alloc(0);
    given.push(bytes);
    listener(bytes);
    bytes.fill(0);
  };
  const type = (text: string | Buffer) => {
    kept = Buffer.concat([kept, Buffer.from(text as string)]);
    flush();
  };
  const screen = () => emulator.screen().join("\n").trimEnd();
  return {
    terminal: {
      name,
      output,
      isDumb,
      write: (text) => void output.write(text),
      listen(next) {
        listener = next;
        setImmediate(flush);
        return () => void (listener === next && (listener = undefined));
      },
      discard: () => void (kept = Buffer.alloc(0)),
      onReopened: (handler) => void (reopened = handler),
      lend: (use) => use(),
      async close() {},
    },
    screen,
    text: () => emulator.text(),
    async shows(pattern) {
      await expect.poll(screen, { timeout: 10_000 }).toMatch(pattern);
      return screen();
    },
    hides: (pattern) => expect.poll(screen, { timeout: 10_000 }).not.toMatch(pattern),
    type,
    given,
    isRead: () => listener !== undefined,
    hangUp() {
      emulator.write(Buffer.from("\x1bc")); // who comes has an empty screen
      reopened();
    },
    resize(newColumns, newRows) {
      emulator.resize(newColumns, newRows);
      Object.assign(output, { columns: newColumns, rows: newRows });
      output.emit("resize");
    },
    raw: () => sent,
  };
}

export const wiped = (buffers: Buffer[]): boolean => buffers.every((buffer) => buffer.every((byte) => byte === 0));
