import xterm from "@xterm/headless";
import { appearedSince, forgetChanged, joinRows, type Row } from "./screen-rows.ts";

const COLUMNS = 80;
const ROWS = 24;
const SCROLLBACK = 10_000; // rows
const CHECK_EVERY_MS = 20; // a slow guest sends a few bytes at a time, and looking costs more than drawing

/** The terminal as a person sees it: 80×24 unless asked for otherwise, with scrollback. */
export interface Terminal {
  /** Draws bytes that the guest sent. */
  write(bytes: Uint8Array): void;
  /** Resolves when all that was written is drawn: the terminal takes its time, a few milliseconds or, on a busy machine, many. */
  drawn(): Promise<void>;
  /** The rows that are on the screen, without trailing blanks. */
  screen(): string[];
  /** Scrollback and screen; a line that was wrapped at the edge is one line. */
  text(): string;
  /** Forgets what stands there now: `waitFor` and `recent` see only what is drawn from here on. */
  mark(): void;
  /** What was drawn since the mark: new lines, rows that changed, and of a row that grew its new end. */
  recent(): string;
  /** Resolves with `recent()` as soon as the pattern is in it; rejects with a plain reason when the time is over. */
  waitFor(pattern: string | RegExp, options: { timeoutMs: number; signal?: AbortSignal }): Promise<string>;
  /** Clears screen, scrollback and mark: another guest begins. */
  reset(): void;
  resize(columns: number, rows: number): void;
  dispose(): void;
}

/** `onReply` gets what a terminal answers by itself, to a cursor-position query for example. */
export function createTerminal(onReply: (bytes: Buffer) => void = () => {}, { columns = COLUMNS, rows: height = ROWS } = {}): Terminal {
  const emulator = new xterm.Terminal({ cols: columns, rows: height, scrollback: SCROLLBACK, allowProposedApi: true, logLevel: "off" });
  const waiting = new Set<() => void>();
  let timer: NodeJS.Timeout | undefined;
  let marked = takeMark(emulator);
  emulator.onData((text) => onReply(Buffer.from(text)));

  const sinceMark = (): Row[] => rows(emulator, Math.max(marked.marker?.line ?? 0, 0));
  const check = (): void => {
    timer = undefined;
    // A prompt that went away and is drawn again in the same place is a new one.
    if (marked.marker?.isDisposed === false) marked.rows = forgetChanged(sinceMark(), marked.rows);
    for (const look of [...waiting]) look();
  };
  const recent = (): string => joinRows(appearedSince(sinceMark(), marked.marker?.isDisposed ? [] : marked.rows));

  return {
    write: (bytes) => emulator.write(bytes, () => { timer ??= setTimeout(check, CHECK_EVERY_MS); }),
    drawn: () => new Promise((resolve) => emulator.write("", resolve)),
    screen: () => rows(emulator, emulator.buffer.active.baseY).map((row) => row.text),
    text: () => joinRows(rows(emulator, 0)),
    recent,
    resize: (columns, rows) => emulator.resize(columns, rows),
    mark() {
      check(); // who waits has seen what is there now
      marked.marker?.dispose();
      marked = takeMark(emulator);
    },
    waitFor(pattern, { timeoutMs, signal }) {
      return new Promise((resolve, reject) => {
        const end = (finish: () => void): void => {
          waiting.delete(look);
          clearTimeout(deadline);
          signal?.removeEventListener("abort", abort);
          finish();
        };
        const look = (): void => {
          const text = recent();
          if (matches(text, pattern)) end(() => resolve(text));
        };
        const abort = (): void => {
          check(); // what was drawn last may be what was waited for
          end(() => reject(signal?.reason));
        };
        const deadline = setTimeout(() => end(() => reject(new Error(`${timeoutMs / 1000} s have passed`))), timeoutMs);
        signal?.addEventListener("abort", abort);
        waiting.add(look);
        if (signal?.aborted) abort();
        else look();
      });
    },
    reset() {
      // ESC c, "reset to initial state": in its place behind what was written and is not drawn yet.
      emulator.write("\x1bc", () => {
        marked.marker?.dispose();
        marked = { marker: undefined, rows: [] };
      });
    },
    dispose() {
      clearTimeout(timer);
      emulator.dispose();
    },
  };
}

/** A place in the buffer that moves as it scrolls, and what stood from there on: the rows of the screen. */
function takeMark(emulator: xterm.Terminal): { marker: xterm.IMarker | undefined; rows: Row[] } {
  const { cursorY, baseY } = emulator.buffer.active;
  return { marker: emulator.registerMarker(-cursorY), rows: rows(emulator, baseY) };
}

function rows(emulator: xterm.Terminal, from: number): Row[] {
  const { active } = emulator.buffer;
  return Array.from({ length: active.length - from }, (_, i) => {
    const line = active.getLine(from + i);
    return { text: line?.translateToString(true) ?? "", wrapped: line?.isWrapped ?? false };
  });
}

function matches(text: string, pattern: string | RegExp): boolean {
  return typeof pattern === "string" ? text.includes(pattern) : new RegExp(pattern.source, pattern.flags.replace(/[gy]/g, "")).test(text);
}
