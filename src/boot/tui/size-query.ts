import type { Console } from "../console.ts";
import { createSequenceReader, type Sequence } from "./sequences.ts";

/** To the far corner, where the cursor is asked for its place, and back: DECSC, CUP, DSR 6, DECRC. */
const ASK_SIZE = "\x1b7\x1b[999;999H\x1b[6n\x1b8";
/** A terminal that answers does so at once; the machine that it runs on may be busy. */
const ANSWERS_WITHIN_MS = 1000;
/** What is larger is no terminal, and drawing takes memory for each cell. */
const [MOST_ROWS, MOST_COLUMNS] = [300, 500];

/** Asks a serial line's terminal how large it is: the line itself has no size. */
export interface SizeQuery {
  ask(): void;
  /** Takes the answer among the sequences that are read. */
  take(sequence: Sequence): void;
  /** Waits for an answer that is still to come, which would be typed into whatever reads next; other keys are dropped. */
  settle(): Promise<void>;
}

export function createSizeQuery(terminal: Console, resized: (rows: number, columns: number) => void): SizeQuery {
  let askedMs: number | undefined; // when the answer is still to come
  let isMute = false;
  let answered = () => {};

  const leftMs = () => (askedMs === undefined ? 0 : askedMs + ANSWERS_WITHIN_MS - performance.now());
  function take({ final, parameters }: Sequence): void {
    const [, rows, columns] = (final === "R" ? /^(\d{1,4});(\d{1,4})$/.exec(parameters) : null) ?? [];
    if (rows === undefined || columns === undefined || askedMs === undefined) return; // a person can type this, too
    askedMs = undefined;
    isMute = false;
    answered();
    const isLikely = Number(rows) > 1 && Number(rows) <= MOST_ROWS && Number(columns) > 1 && Number(columns) <= MOST_COLUMNS;
    if (isLikely) resized(Number(rows), Number(columns));
  }
  return {
    take,
    ask() {
      if (askedMs !== undefined && leftMs() <= 0) isMute = true; // nobody who answers sits there
      if (isMute || askedMs !== undefined) return;
      askedMs = performance.now();
      terminal.write(ASK_SIZE);
    },
    async settle() {
      if (leftMs() <= 0) return;
      const sequences = createSequenceReader(take);
      const { promise, resolve } = Promise.withResolvers<void>();
      answered = resolve;
      const timer = setTimeout(resolve, leftMs());
      const stop = terminal.listen((bytes) => {
        for (const byte of bytes) sequences.take(byte);
      });
      await promise;
      clearTimeout(timer);
      stop();
      answered = () => {};
    },
  };
}
