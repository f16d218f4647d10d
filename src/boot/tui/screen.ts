import { MkinitrdError } from "../../core/errors.ts";
import type { Ask, PassphraseQuestion } from "../../core/rc/types.ts";
import type { Console } from "../console.ts";
import { createSecretLine } from "./secret-line.ts";
import { createStore } from "./state.ts";

/** What a person sees of the boot, and the way in for what they type. */
export interface Screen extends Ask {
  /** A line that stays. */
  print(line: string): void;
  showWaiting(text: string | undefined): void;
  /** Loads the views in the background, so that the first prompt need not wait for them. */
  prepare(): void;
  /** Takes the views off the screen and wipes what was typed and not used. */
  close(): Promise<void>;
}

/**
 * The screen on one console. Ink, a large library, is loaded for the first thing that changes in place; until then lines
 * are written as they come. `onPrompt` hears that a prompt stands on the screen.
 */
export function createScreen(terminal: Console, onPrompt: () => void = () => {}): Screen {
  const store = createStore();
  let app: Promise<typeof import("./app.tsx")> | undefined;
  let ink: { stop(): void } | undefined;
  let closed = false;
  let queue: Promise<unknown> = Promise.resolve();
  let ahead: Buffer = Buffer.alloc(0); // typed behind an Enter, for the next question

  const load = () => (app ??= import("./app.tsx"));
  const draw = async () => {
    const { startInk } = await load();
    if (!closed) ink ??= startInk(store, terminal.output);
  };

  async function askPassphrase(question: PassphraseQuestion): Promise<Buffer> {
    const { volume, label, attempt, attempts } = question;
    const line = createSecretLine();
    const show = (checking: boolean) =>
      store.set({ prompt: { volume, ...(label === undefined ? {} : { label }), attempt, attempts, characters: line.count, checking } });
    show(false);
    await draw();
    onPrompt();
    return new Promise((resolve) => {
      const take = (bytes: Buffer) => {
        const taken = line.feed(bytes);
        if (line.done) {
          stop();
          ahead = Buffer.from(bytes.subarray(taken));
          bytes.fill(0);
          show(true);
          resolve(line.take());
        } else {
          show(false);
        }
      };
      const stop = terminal.listen(take);
      if (ahead.length > 0) take(ahead);
    });
  }

  return {
    passphrase(question) {
      const answer = queue.then(() => askPassphrase(question));
      queue = answer.catch(() => {});
      return answer;
    },
    print(text) {
      if (ink === undefined) terminal.write(`${text}\n`);
      else store.set({ lines: [...store.get().lines, ...text.split("\n")], ...(store.get().prompt?.checking ? { prompt: undefined } : {}) });
    },
    showWaiting(text) {
      if (text === store.get().waiting) return;
      store.set({ waiting: text });
      if (text !== undefined) void draw();
    },
    prepare: () => void load().catch(() => {}),
    async close() {
      closed = true;
      ahead.fill(0);
      store.set({ prompt: undefined, waiting: undefined });
      ink?.stop();
      ink = undefined;
    },
  };
}

/** The screen of a machine without a console: nobody reads, and nobody can be asked. */
export function noScreen(): Screen {
  return {
    passphrase: (question) =>
      Promise.reject(
        new MkinitrdError({
          tried: "asking for the passphrase",
          on: question.volume,
          found: "no console: /sys/class/tty/console/active names none that works",
          next: "add console=tty0 or console=ttyS0 to the kernel command line",
        }),
      ),
    print: () => {},
    showWaiting: () => {},
    prepare: () => {},
    close: async () => {},
  };
}
