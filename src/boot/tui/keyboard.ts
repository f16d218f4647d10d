import type { Console } from "../console.ts";
import type { Answer, ChoiceDialog, ConfirmDialog, Dialog, DialogOf, PageDialog, SecretDialog, TextDialog } from "./dialogs.ts";
import { copyOfSecret, createSecretLine, MAX_SECRET_BYTES } from "./secret-line.ts";
import { createSequenceReader, type Sequence, type SequenceReader } from "./sequences.ts";
import { createTextLine } from "./text-line.ts";

/** How long an ESC must stand alone to be the Escape key; the rest of a sequence comes in the same moment. */
const ESCAPE_ALONE_MS = 200;
const CAPS_LOCK_MS = 250;
const LOWER_CASE = 0x20; // the bit that tells ASCII's letters apart
const [CTRL_C, LINE_FEED, RETURN] = [0x03, 0x0a, 0x0d];

/** What a console shows of the dialog beside the dialog itself. No secret is in it. */
export interface Typing {
  /** Keys are read: the line that asks for one stands there from now on. */
  listening: boolean;
  /** Of a secret: how many characters, and whether the person wants to see them. */
  characters: number;
  shown: boolean;
  /** Where the console can tell. */
  capsLock?: boolean;
  /** Of a menu: the item that Enter takes; -1 before an arrow key was pressed. */
  selected: number;
  /** Of a line of text: itself, and in front of which character the cursor stands. */
  text: string;
  caret: number;
  /** Of a page: its first line on the screen. */
  offset: number;
}

export const NOTHING_TYPED: Typing = { listening: false, characters: 0, shown: false, selected: -1, text: "", caret: 0, offset: 0 };

export interface KeyboardOptions {
  terminal: Console;
  /** False when somebody else was first. */
  answer<Kind extends Dialog["kind"]>(dialog: DialogOf<Kind>, answer: Answer<Kind>): boolean;
  /** Escape was pressed where nothing goes back. */
  escape(): void;
  changed(): void;
  /** The terminal sent what is no key of the dialog's: a reply, perhaps. */
  sequence(sequence: Sequence): void;
  /** Lines of a page that fit on the screen. */
  pageRows(): number;
  /** Whether Caps Lock is on; undefined where nobody can tell. */
  capsLock(): boolean | undefined;
}

export interface Keyboard {
  readonly typing: Typing;
  /** Stops reading for the dialog before, and wipes what was typed for it; this one is about to be drawn. */
  leaveFor(dialog: Dialog | undefined): void;
  /** Reads keys for this dialog from now on: it stands on the screen. Undefined: for Escape alone. */
  turnTo(dialog: Dialog | undefined): void;
  /** What was typed of a secret, as SecretLine.reveal; the caller wipes it. */
  reveal(most: number): Buffer | undefined;
  /** Reads no keys, which stay with the terminal, and wipes what was typed, ahead too. */
  close(): void;
}

/** Takes keys for the dialog that is open; bytes of each read are taken, and wiped by the console behind that. */
interface Taker {
  sequences: SequenceReader;
  take(bytes: Buffer): void;
  escape(): void;
  wipe?(): void;
  reveal?(most: number): Buffer;
}

/** The keys of one console. */
export function createKeyboard({ terminal, answer, escape, changed, sequence: heard, pageRows, capsLock }: KeyboardOptions): Keyboard {
  let typing = NOTHING_TYPED;
  let taker: Taker | undefined;
  let stopListening = () => {};
  let alone: NodeJS.Timeout | undefined;
  let locks: NodeJS.Timeout | undefined;
  let ahead: Buffer | undefined; // typed behind an Enter, for the next passphrase

  const show = (change: Partial<Typing>) => {
    typing = { ...typing, ...change };
    changed();
  };
  const dropAhead = () => {
    ahead?.fill(0);
    ahead = undefined;
  };

  function stop(): void {
    clearTimeout(alone);
    clearInterval(locks);
    stopListening();
    stopListening = () => {};
    taker?.wipe?.();
    taker = undefined;
    typing = NOTHING_TYPED;
  }

  function listen(next: Taker): void {
    taker = next;
    stopListening = terminal.listen((bytes) => {
      clearTimeout(alone);
      next.take(bytes);
      if (taker !== next || !next.sequences.atEscape) return;
      // What came while we were busy is read before it is known that nothing came.
      alone = setTimeout(() => void (alone = setTimeout(() => setImmediate(() => {
        if (taker !== next || !next.sequences.atEscape) return;
        next.sequences.reset();
        next.escape();
      }))), ESCAPE_ALONE_MS);
    });
    show({ listening: true });
  }

  function takeSecret(dialog: SecretDialog): void {
    const line = createSecretLine({ onSequence: heard, emptyIsAnswer: dialog.blind === true });
    const take = (bytes: Buffer) => {
      const taken = line.feed(bytes);
      if (!line.done) return dialog.blind ? undefined : show({ characters: line.count, shown: line.shown });
      const secret = line.take();
      if (!dialog.blind) ahead = copyOfSecret(bytes.subarray(taken));
      bytes.fill(0);
      if (!answer(dialog, dialog.blind && secret.length === 0 ? undefined : secret)) secret.fill(0);
    };
    listen({
      sequences: line.sequences, take, wipe: line.wipe, reveal: line.reveal,
      escape: () => (dialog.blind ? answer(dialog, undefined) : escape()),
    });
    watchCapsLock();
    const typed = ahead;
    ahead = undefined;
    if (typed === undefined) return;
    take(typed);
    typed.fill(0);
  }

  function watchCapsLock(): void {
    const look = () => {
      const isOn = capsLock();
      if (isOn !== undefined && isOn !== typing.capsLock) show({ capsLock: isOn });
    };
    look();
    if (typing.capsLock !== undefined) locks = setInterval(look, CAPS_LOCK_MS).unref();
  }

  /** Nothing is asked: what is typed is for the passphrase that comes next. */
  function takeAhead(): Taker {
    return eachKey({
      byte(byte) {
        const kept = Buffer.allocUnsafeSlow(Math.min((ahead?.length ?? 0) + 1, MAX_SECRET_BYTES)).fill(0);
        ahead?.copy(kept);
        if ((ahead?.length ?? 0) < kept.length) kept[kept.length - 1] = byte;
        dropAhead();
        ahead = kept;
        return false;
      },
      escape,
    });
  }

  function takeConfirmation(dialog: ConfirmDialog): Taker {
    return eachKey({
      byte(byte) {
        const letter = String.fromCharCode(lowerCase(byte));
        return (letter === "y" || letter === "n") && answer(dialog, letter === "y");
      },
      escape,
    });
  }

  function takeChoice(dialog: ChoiceDialog): Taker {
    const move = (by: number) => show({ selected: Math.min(Math.max(typing.selected + by, 0), dialog.items.length - 1) });
    return eachKey({
      byte(byte) {
        const index = isEnter(byte) ? typing.selected : dialog.items.findIndex(({ key }) => key?.charCodeAt(0) === lowerCase(byte));
        return index >= 0 && answer(dialog, index);
      },
      key: { A: () => move(-1), B: () => move(1) },
      escape: () => void (dialog.back && answer(dialog, undefined)),
    });
  }

  function takeText(dialog: TextDialog): Taker {
    const line = createTextLine(dialog.text);
    const shown = () => show({ text: line.text, caret: line.caret });
    shown();
    return eachKey({
      byte(byte) {
        if (isEnter(byte)) return answer(dialog, line.text);
        line.type(byte);
        shown();
        return false;
      },
      key: Object.fromEntries(Object.entries(line.moves).map(([final, move]) => [final, () => (move(), shown())])),
      escape: () => void answer(dialog, undefined),
    });
  }

  function takePage(dialog: PageDialog): Taker {
    const move = (by: number) => show({ offset: Math.max(0, Math.min(typing.offset + by, dialog.lines.length - pageRows())) });
    move(dialog.lines.length); // its end is what happened last
    return eachKey({
      byte(byte) {
        const letter = String.fromCharCode(lowerCase(byte));
        if (letter === " ") move(pageRows());
        if (letter === "b") move(-pageRows());
        return (isEnter(byte) || letter === "q" || byte === CTRL_C) && answer(dialog, undefined);
      },
      key: { A: () => move(-1), B: () => move(1), "5": () => move(-pageRows()), "6": () => move(pageRows()) },
      escape: () => void answer(dialog, undefined),
    });
  }

  /** Goes through the keys until one of them is the answer; the others are dropped then. */
  function eachKey({ byte, key = {}, escape: onEscape }: { byte(byte: number): boolean; key?: Record<string, () => void>; escape(): void }): Taker {
    const sequences = createSequenceReader((sequence) => {
      heard(sequence);
      key[sequence.final === "~" ? sequence.parameters : sequence.final]?.();
    });
    return {
      sequences,
      take(bytes) {
        for (const each of bytes) if (!sequences.take(each) && byte(each)) return;
      },
      escape: onEscape,
    };
  }

  return {
    get typing() {
      return typing;
    },
    leaveFor(dialog) {
      stop();
      if (dialog === undefined || (dialog.kind === "secret" && !dialog.blind)) return;
      dropAhead(); // what was typed for a prompt is no answer to anything else
      terminal.discard(); // and nothing is dropped any more when the dialog can be seen
    },
    turnTo(dialog) {
      stop();
      if (dialog === undefined) return listen(takeAhead());
      if (dialog.kind === "secret") return takeSecret(dialog);
      if (dialog.kind === "text") return listen(takeText(dialog));
      if (dialog.kind === "page") return listen(takePage(dialog));
      terminal.discard(); // the line that asks for a key is not there yet
      listen(dialog.kind === "confirm" ? takeConfirmation(dialog) : takeChoice(dialog));
    },
    reveal: (most) => taker?.reveal?.(most),
    close() {
      stop();
      dropAhead();
    },
  };
}

/** Of an ASCII letter; control characters, of which a terminal sends some by itself, are no letters. */
const lowerCase = (byte: number) => (byte >= 0x41 && byte <= 0x5a ? byte | LOWER_CASE : byte);
const isEnter = (byte: number) => byte === RETURN || byte === LINE_FEED;
