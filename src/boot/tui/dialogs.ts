import type { MkinitrdError } from "../../core/errors.ts";
import type { Console } from "../console.ts";

/** A question, or a page to read, that every console shows; the first answer counts. All texts are printable. */
export type Dialog = SecretDialog | ConfirmDialog | ChoiceDialog | TextDialog | PageDialog;

export type DialogOf<Kind extends Dialog["kind"]> = Extract<Dialog, { kind: Kind }>;

export interface SecretDialog {
  kind: "secret";
  /** `Passphrase for /dev/vda2 (cryptlvm)` */
  title: string;
  /** That the answer before was wrong, and how many there may be. */
  wrong?: string;
  /** Not even the number of characters is shown, and Enter alone goes back. */
  blind?: boolean;
}

/** A question that one key answers. */
export interface ConfirmDialog {
  kind: "confirm";
  text: string;
  reasons: string[];
  yes: string;
  no: string;
}

/** A menu. */
export interface ChoiceDialog {
  kind: "choice";
  title: string;
  items: ChoiceItem[];
  /** Escape goes back from it. */
  back: boolean;
}

export interface ChoiceItem {
  /** The key that chooses it, where one does. */
  key?: string;
  text: string;
}

/** One line to edit, which is no secret. */
export interface TextDialog {
  kind: "text";
  title: string;
  /** What stands there at first. */
  text: string;
  hints: string[];
}

/** Lines to page through; any answer ends it. */
export interface PageDialog {
  kind: "page";
  title: string;
  lines: string[];
}

/** What a dialog of this kind gives; undefined where the person went back. */
export type Answer<Kind extends Dialog["kind"]> = Kind extends "secret" ? Buffer | undefined
  : Kind extends "confirm" ? boolean
  : Kind extends "choice" ? number | undefined
  : Kind extends "text" ? string | undefined
  : undefined;

export interface Answered<Kind extends Dialog["kind"]> {
  answer: Answer<Kind>;
  /** Where it was given, if at a console. */
  at?: Console;
}

export interface AskOptions {
  /** It comes over what is asked now, as a menu does. */
  over?: boolean;
  /** Takes the question away: nobody need answer it any more. */
  signal?: AbortSignal;
}

/** The dialogs that are open; one is visible at a time. */
export interface Dialogs {
  readonly visible: Dialog | undefined;
  /** All of them, those that wait for their turn, too. */
  readonly open: readonly Dialog[];
  /** Resolves with the answer, or with undefined when `signal` took the dialog away; rejects when all are cancelled. */
  ask<Kind extends Dialog["kind"]>(dialog: DialogOf<Kind>, options?: AskOptions): Promise<Answered<Kind> | undefined>;
  /** False when that dialog is over already: the answer comes too late, and whoever gives it wipes it. */
  answer<Kind extends Dialog["kind"]>(dialog: DialogOf<Kind>, answered: Answered<Kind>): boolean;
  /** Ends all that are open with an error. */
  cancel(error: (dialog: Dialog) => MkinitrdError): void;
}

interface Open {
  dialog: Dialog;
  over: boolean;
  resolve(answered: Answered<Dialog["kind"]> | undefined): void;
  reject(error: Error): void;
}

/** Questions wait in the order in which they came; of those that come over them the last one is visible. */
export function createDialogs(changed: () => void): Dialogs {
  let open: Open[] = [];
  const visible = () => (open.findLast(({ over }) => over) ?? open[0])?.dialog;
  return {
    get visible() {
      return visible();
    },
    get open() {
      return open.map(({ dialog }) => dialog);
    },
    ask<Kind extends Dialog["kind"]>(dialog: DialogOf<Kind>, { over = false, signal }: AskOptions = {}) {
      if (signal?.aborted) return Promise.resolve(undefined);
      const { promise, resolve, reject } = Promise.withResolvers<Answered<Kind> | undefined>();
      const one: Open = { dialog, over, resolve: resolve as Open["resolve"], reject };
      const withdraw = () => {
        open = open.filter((other) => other !== one);
        changed();
        resolve(undefined);
      };
      signal?.addEventListener("abort", withdraw, { once: true });
      open.push(one);
      changed();
      return promise.finally(() => signal?.removeEventListener("abort", withdraw));
    },
    answer(dialog, answered) {
      const one = open.find((candidate) => candidate.dialog === dialog);
      if (one === undefined) return false;
      open = open.filter((other) => other !== one);
      one.resolve(answered);
      // What a menu leads to opens a moment later: what lies below it must not be seen in between.
      if (dialog.kind === "choice") setImmediate(changed);
      else changed();
      return true;
    },
    cancel(error) {
      const all = open;
      open = [];
      changed();
      for (const { dialog, reject } of all) reject(error(dialog));
    },
  };
}
