import { readCapsLock } from "../caps-lock.ts";
import { type Console, isVirtualConsole } from "../console.ts";
import type { Answer, Dialog, DialogOf } from "./dialogs.ts";
import { createKeyboard, type Keyboard } from "./keyboard.ts";
import { createPlainView } from "./plain-view.ts";
import type { Store } from "./state.ts";
import { createInkView } from "./ink-view.ts";
import { createSizeQuery } from "./size-query.ts";

/** What draws the state on one console. */
export interface View {
  /** A line that stays. */
  print(line: string): void;
  /** Draws the state as it is now; resolves with the dialog that stands on the screen then. */
  update(): Promise<Dialog | undefined>;
  /** Takes everything that changes in place off the screen. */
  clear(): void;
  /** Lines of a page that fit. */
  pageRows(): number;
  resized(rows: number, columns: number): void;
}

/** One console: its view and its keys. */
export interface Front {
  readonly terminal: Console;
  readonly isPlain: boolean;
  print(line: string): void;
  /** Follows the state until `leave`; and again behind it. */
  follow(): void;
  /** Leaves the terminal to somebody else: nothing is drawn or kept of what was typed, and nothing that was asked of it is still to be answered. */
  leave(): Promise<void>;
}

export interface FrontOptions {
  terminal: Console;
  store: Store;
  /** Text lines in place of views that are drawn anew: for a dumb terminal, and where as little as possible must work. */
  plain: boolean;
  answer<Kind extends Dialog["kind"]>(dialog: DialogOf<Kind>, answer: Answer<Kind>, at: Console): boolean;
  escape(): void;
  /** A dialog stands on the screen. */
  asked(dialog: Dialog): void;
}

export function createFront({ terminal, store, plain, answer, escape, asked }: FrontOptions): Front {
  const isVirtual = isVirtualConsole(terminal.name);
  const size = createSizeQuery(terminal, (rows, columns) => view.resized(rows, columns));
  const keyboard: Keyboard = createKeyboard({
    terminal,
    answer: (dialog, given) => answer(dialog, given, terminal),
    escape,
    changed: () => void view.update(),
    sequence: (sequence) => size.take(sequence),
    pageRows: () => view.pageRows(),
    capsLock: isVirtual ? readCapsLock : () => undefined,
  });
  const view = plain ? createPlainView(terminal, store, keyboard) : createInkView(terminal, store, keyboard);
  /** What keys are read for: a dialog, Escape alone (`true`), or nothing. */
  let reading: Dialog | boolean = false;
  /** What is about to be asked. */
  let asking: Dialog | boolean = false;
  let unsubscribe: (() => void) | undefined;
  let isFollowing = false;

  const wanted = () => store.get().dialog ?? store.get().waiting !== undefined;
  async function update(): Promise<void> {
    const next = wanted();
    if (reading !== next) {
      reading = false;
      if (asking !== next) keyboard.leaveFor(typeof next === "object" ? next : undefined);
      asking = next;
    }
    const shown = await view.update();
    const now = wanted();
    if (unsubscribe === undefined || reading === now) return;
    if (typeof now === "object" && now !== shown) return; // the update that draws it is under way
    reading = now;
    if (now === false) return;
    if (now === true) return keyboard.turnTo(undefined);
    asked(now);
    keyboard.turnTo(now);
    if (!plain && !isVirtual) size.ask();
  }

  async function stop(): Promise<void> {
    unsubscribe?.();
    unsubscribe = undefined;
    reading = asking = false;
    keyboard.close();
    view.clear();
    await size.settle();
  }
  function start(): void {
    unsubscribe ??= store.subscribe(() => void update());
    void update();
  }
  // Who sits there now may be another one: nothing is kept of what was typed, and all is drawn anew.
  terminal.onReopened(async () => {
    if (!isFollowing) return;
    await stop();
    if (isFollowing) start();
  });
  return {
    terminal,
    isPlain: plain,
    print: (line) => view.print(line),
    follow() {
      isFollowing = true;
      start();
    },
    async leave() {
      isFollowing = false;
      await stop();
    },
  };
}
