import { setImmediate as immediate } from "node:timers/promises";
import { MkinitrdError } from "../../core/errors.ts";
import { printable, printableLine } from "../../core/quote.ts";
import type { Ask, UnlockQuestion } from "../../core/rc/types.ts";
import type { Console } from "../console.ts";
import type { Questions } from "../door.ts";
import { type Answered, createDialogs, type Dialog, type DialogOf } from "./dialogs.ts";
import { createFront, type Front } from "./front.ts";
import { startLayout } from "./layout.ts";
import { createQuestions } from "./questions.ts";
import { createKeyCounter } from "./sequences.ts";
import { changesInPlace, createStore, type StageView } from "./state.ts";
import { createUnlock, type Unlock } from "./unlock.ts";

/** What people see of the boot, on every console, and the way in for what they type. */
export interface Screen extends Omit<Ask, "unlock">, Unlock {
  /** Consoles that somebody may sit at. */
  readonly terminals: readonly Console[];
  /** The passphrases that are awaited, for those who answer without a console. */
  readonly questions: Questions;
  /** A line that stays. */
  print(line: string): void;
  /** What stands above the log; with `quiet` nothing but prompts and errors are shown. */
  show(what: { quiet?: boolean; header?: string[]; stages?: StageView[]; volumes?: string[]; keymap?: string }): void;
  /** Starts the layout engine in the background, so that the first prompt need not wait for it. */
  prepare(): void;
  /** A dialog over what is asked now. Undefined when `signal` took it away. */
  ask<Kind extends Dialog["kind"]>(dialog: DialogOf<Kind>, signal?: AbortSignal): Promise<Answered<Kind> | undefined>;
  /** Lines to read, on a page of their own where a console can turn pages. */
  read(title: string, lines: string[]): Promise<void>;
  /** Whether a key is pressed on any console before the time is over; what a terminal or a noisy line sends by itself is none. */
  keyPressed(text: string, withinMs: number): Promise<boolean>;
  /** Called when Escape is pressed where it does not go back. */
  onEscape(handler: () => void): void;
  /** Takes the views off all screens while somebody else has one of them. */
  leave<T>(use: () => Promise<T>): Promise<T>;
  /** Ends the questions that are open, and those that are still to come, and forgets: the boot has ended, nobody need answer. */
  cancel(): void;
  /** Resolves when nobody else has the screen. */
  free(): Promise<void>;
  /** Takes the views off the screens for good, ends the questions, and wipes what was typed and not used. */
  close(): Promise<void>;
}

export interface ScreenOptions {
  terminals: Console[];
  /** Text lines and nothing that needs a library. A dumb terminal gets them anyway. */
  plain?: boolean;
  /** A prompt for a passphrase stands on a screen. */
  onPrompt?(): void;
  /** A passphrase that somebody gave was wrong. */
  onWrong?(): void;
  /** For the first time something is drawn that messages from elsewhere would tear. */
  onDraw?(): void;
}

/** One screen on all consoles: the first answer counts, and the others follow. */
export function createScreen({ terminals, plain = false, onPrompt = () => {}, onWrong = () => {}, onDraw = () => {} }: ScreenOptions): Screen {
  const store = createStore();
  const dialogs = createDialogs(() => store.set({ dialog: dialogs.visible }));
  const questions = createQuestions(dialogs, store, () => {
    if (terminals.length === 0) dialogs.cancel(noConsole); // nobody is left who could answer
  });
  let escape = () => {};
  let closed = false;
  let isOver = false; // the boot: nothing is asked for it any more
  let lent: Promise<unknown> = Promise.resolve();
  const fronts: Front[] = terminals.map((terminal) =>
    createFront({
      terminal,
      store,
      plain: plain || terminal.isDumb,
      answer: (dialog, answer, at) => dialogs.answer(dialog, { answer, at }),
      escape: () => escape(),
      asked: (dialog) => dialog.kind === "secret" && onPrompt(),
    }));
  const { unlock, forget } = createUnlock({
    ask: async (question, wrong) => {
      const answered = await open({ kind: "secret", title: titleOf(question.what, question), ...(wrong === undefined ? {} : { wrong: printableLine(wrong) }) }, question.signal);
      return answered?.answer;
    },
    wrong: onWrong,
    showBusy: (text) => store.set({ busy: text === undefined ? undefined : printableLine(text) }),
  });
  for (const front of fronts) front.follow();
  const unsubscribe = store.subscribe(() => {
    if (!changesInPlace(store.get())) return;
    unsubscribe();
    onDraw();
  });

  async function open<Kind extends Dialog["kind"]>(dialog: DialogOf<Kind>, signal?: AbortSignal, over = false): Promise<Answered<Kind> | undefined> {
    if (closed || (isOver && !over)) throw cancelled(dialog);
    const isHeard = fronts.length > 0 || (dialog.kind === "secret" && questions.isWatched);
    if (!isHeard) throw noConsole(dialog);
    return dialogs.ask(dialog, { over, ...(signal === undefined ? {} : { signal }) });
  }

  function endQuestions(): void {
    forget();
    dialogs.cancel(cancelled);
    store.set({ waiting: undefined, busy: undefined });
  }

  const print = (line: string) => fronts.forEach((front) => front.print(line));
  return {
    terminals,
    questions,
    unlock,
    forget,
    async passphrase(question) {
      const answered = await open({ kind: "secret", title: titleOf(question.what, question), ...(question.wrong === undefined ? {} : { wrong: printableLine(question.wrong) }) });
      return answered!.answer!;
    },
    async confirm(question) {
      const answered = await open({ kind: "confirm", ...question, text: printableLine(question.text), reasons: question.reasons.map(printableLine) });
      return answered!.answer;
    },
    showWaiting(text) {
      const waiting = text === undefined ? undefined : printableLine(text);
      if (waiting !== store.get().waiting) store.set({ waiting });
    },
    print,
    show: (what) => store.set(what),
    prepare() {
      if (fronts.length > 0 && !plain) void startLayout().catch(() => {});
    },
    ask: (dialog, signal) => open(dialog, signal, true),
    async read(title, lines) {
      if (!fronts.every(({ isPlain }) => isPlain)) return void (await open({ kind: "page", title, lines }, undefined, true));
      await immediate(); // the menu that led here is gone then, and does not stand once more behind the lines
      print(`\n${lines.join("\n")}`);
    },
    async keyPressed(text, withinMs) {
      print(`\n${text}`);
      const pressed = Promise.withResolvers<boolean>();
      const timer = setTimeout(() => pressed.resolve(false), withinMs);
      const stops = terminals.map((terminal) => terminal.listen(createKeyCounter(() => pressed.resolve(true))));
      try {
        return await pressed.promise;
      } finally {
        clearTimeout(timer);
        for (const stop of stops) stop();
      }
    },
    onEscape: (handler) => void (escape = handler),
    async leave(use) {
      const { promise, resolve } = Promise.withResolvers<void>();
      lent = promise;
      try {
        await Promise.all(fronts.map((front) => front.leave()));
        return await use();
      } finally {
        if (!closed) for (const front of fronts) front.follow();
        resolve();
      }
    },
    free: async () => void (await lent),
    cancel() {
      isOver = true;
      endQuestions();
    },
    async close() {
      closed = true;
      endQuestions();
      store.set({ quiet: true });
      await Promise.all(fronts.map((front) => front.leave()));
    },
  };
}

function titleOf(what: string | undefined, { volume, label }: Pick<UnlockQuestion, "volume" | "label">): string {
  return printable(`${what ?? "Passphrase"} for ${printableLine(volume)}${label === undefined ? "" : ` (${printableLine(label)})`}`);
}

function describe(dialog: Dialog): string {
  return dialog.kind === "confirm" ? dialog.text : dialog.title;
}

function cancelled(dialog: Dialog): MkinitrdError {
  return new MkinitrdError({ tried: "asking at the console", on: describe(dialog), found: "the boot has ended before there was an answer" });
}

function noConsole(dialog: Dialog): MkinitrdError {
  return new MkinitrdError({
    tried: "asking at the console",
    on: describe(dialog),
    found: "no console: /sys/class/tty/console/active names none that works",
    next: "add console=tty0 or console=ttyS0 to the kernel command line",
  });
}
