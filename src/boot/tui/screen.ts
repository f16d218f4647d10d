import { MkinitrdError } from "../../core/errors.ts";
import { printableLine } from "../../core/quote.ts";
import type { Ask, ConfirmQuestion, PassphraseQuestion } from "../../core/rc/types.ts";
import type { Console } from "../console.ts";
import { startInk } from "./app.tsx";
import { createConfirmKeys } from "./confirm-keys.ts";
import { startLayout } from "./layout.ts";
import { createSecretLine } from "./secret-line.ts";
import { createStore } from "./state.ts";

/** What a person sees of the boot, and the way in for what they type. */
export interface Screen extends Ask {
  /** A line that stays. */
  print(line: string): void;
  /** Starts the layout engine in the background, so that the first prompt need not wait for it. */
  prepare(): void;
  /** Takes the views off the screen while somebody else has it. */
  leave<T>(use: () => Promise<T>): Promise<T>;
  /** Takes the views off the screen for good, ends the question that is open, and wipes what was typed and not used. */
  close(): Promise<void>;
}

/**
 * The screen on one console. Ink is started for the first thing that changes in place; until then lines are written as
 * they come. `onPrompt` hears that a prompt stands on the screen.
 */
export function createScreen(terminal: Console, onPrompt: () => void = () => {}): Screen {
  const store = createStore();
  let ink: { stop(): void } | undefined;
  let closed = false;
  let queue: Promise<unknown> = Promise.resolve();
  let ahead: Buffer | undefined; // typed behind an Enter, for the next question
  let cancel = () => {};

  const draw = async () => {
    await startLayout();
    if (!closed) ink ??= startInk(store, terminal.output);
  };
  const stopInk = () => {
    ink?.stop();
    ink = undefined;
    store.set({ lines: [] }); // they stand on the screen already
  };

  async function askPassphrase(question: PassphraseQuestion): Promise<Buffer> {
    if (closed) throw cancelled("asking for the passphrase", question.volume);
    const { attempt, attempts } = question;
    const volume = printableLine(question.volume);
    const label = question.label === undefined ? undefined : printableLine(question.label);
    const { what, wrong } = question;
    const line = createSecretLine();
    const show = (checking: boolean) =>
      store.set({ prompt: { volume, ...(label === undefined ? {} : { label }), ...(what ? { what } : {}), ...(wrong ? { wrong } : {}), attempt, attempts, characters: line.count, checking } });
    show(false);
    await draw();
    if (closed) throw cancelled("asking for the passphrase", question.volume);
    onPrompt();
    return new Promise((resolve, reject) => {
      const take = (bytes: Buffer) => {
        const taken = line.feed(bytes);
        if (!line.done) return show(false);
        end();
        ahead = copyOf(bytes.subarray(taken));
        bytes.fill(0);
        show(true);
        resolve(line.take());
      };
      const stop = terminal.listen(take);
      const end = () => {
        stop();
        cancel = () => {};
      };
      cancel = () => {
        end();
        line.wipe();
        reject(cancelled("asking for the passphrase", question.volume));
      };
      const typed = ahead;
      ahead = undefined;
      if (typed !== undefined) take(typed);
    });
  }

  async function askConfirmation(question: ConfirmQuestion): Promise<boolean> {
    if (closed) throw cancelled("asking at the console", question.text);
    const keys = createConfirmKeys();
    const shown = { ...question, text: printableLine(question.text), reasons: question.reasons.map(printableLine) };
    store.set({ prompt: undefined, question: { ...shown, listening: false } });
    await draw();
    if (closed) throw cancelled("asking at the console", question.text);
    ahead?.fill(0); // what was typed before the question stood there, for a prompt perhaps, is no answer to it
    ahead = undefined;
    terminal.discard();
    return new Promise((resolve, reject) => {
      const end = () => {
        stop();
        cancel = () => {};
        store.set({ question: undefined });
      };
      const stop = terminal.listen((bytes) => {
        const answer = keys.feed(bytes);
        bytes.fill(0);
        if (answer === undefined) return;
        end();
        resolve(answer);
      });
      cancel = () => {
        end();
        reject(cancelled("asking at the console", question.text));
      };
      store.set({ question: { ...shown, listening: true } });
    });
  }

  /** One question at a time. */
  function inTurn<T>(ask: () => Promise<T>): Promise<T> {
    const answer = queue.then(ask);
    queue = answer.catch(() => {});
    return answer;
  }

  return {
    passphrase: (question) => inTurn(() => askPassphrase(question)),
    confirm: (question) => inTurn(() => askConfirmation(question)),
    print(text) {
      if (ink === undefined) terminal.write(`${text}\n`);
      else store.set({ lines: [...store.get().lines, ...text.split("\n")], ...(store.get().prompt?.checking ? { prompt: undefined } : {}) });
    },
    showWaiting(text) {
      const waiting = text === undefined ? undefined : printableLine(text);
      if (waiting === store.get().waiting) return;
      store.set({ waiting });
      if (waiting !== undefined) void draw().catch(() => {}); // the boot goes on without the countdown
    },
    async leave(use) {
      stopInk();
      try {
        return await use();
      } finally {
        if (store.get().prompt !== undefined || store.get().question !== undefined) await draw();
      }
    },
    prepare: () => void startLayout().catch(() => {}),
    async close() {
      closed = true;
      cancel();
      ahead?.fill(0);
      ahead = undefined;
      store.set({ prompt: undefined, question: undefined, waiting: undefined });
      stopInk();
    },
  };
}

/** In memory of its own: Buffer.from would put it in a pool that others read. */
function copyOf(bytes: Buffer): Buffer {
  const copy = Buffer.allocUnsafeSlow(bytes.length);
  bytes.copy(copy);
  return copy;
}

function cancelled(tried: string, on: string): MkinitrdError {
  return new MkinitrdError({ tried, on, found: "the boot has ended before there was an answer" });
}

/** The screen of a machine without a console: nobody reads, and nobody can be asked. */
export function noScreen(): Screen {
  return {
    passphrase: ({ volume }) => Promise.reject(noConsole("asking for the passphrase", volume)),
    confirm: ({ text }) => Promise.reject(noConsole("asking at the console", text)),
    print: () => {},
    showWaiting: () => {},
    prepare: () => {},
    leave: (use) => use(),
    close: async () => {},
  };
}

function noConsole(tried: string, on: string): MkinitrdError {
  return new MkinitrdError({
    tried,
    on,
    found: "no console: /sys/class/tty/console/active names none that works",
    next: "add console=tty0 or console=ttyS0 to the kernel command line",
  });
}
