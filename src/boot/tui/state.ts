import type { ConfirmQuestion } from "../../core/rc/types.ts";

/** What the screen shows. No secret is in it: of a passphrase only the number of characters. */
export interface ScreenState {
  /** Lines that stay, in order. */
  lines: readonly string[];
  /** What is being waited for, with the seconds left. */
  waiting?: string;
  prompt?: PromptState;
  /** A question that y or n answers. */
  question?: QuestionState;
}

export interface QuestionState extends ConfirmQuestion {
  /** Keys are listened to: the line that asks for one stands there from now on. */
  listening: boolean;
}

export interface PromptState {
  volume: string;
  label?: string;
  what?: string;
  wrong?: string;
  attempt: number;
  attempts: number;
  characters: number;
  /** The answer is being tried. */
  checking: boolean;
}

export interface Store {
  get(): ScreenState;
  /** Puts the given parts in place of the old ones; a part that is `undefined` goes away. */
  set(change: { [Key in keyof ScreenState]?: ScreenState[Key] | undefined }): void;
  subscribe(listener: () => void): () => void;
}

/** The state with its listeners, in the form that React's useSyncExternalStore takes. */
export function createStore(): Store {
  let state: ScreenState = { lines: [] };
  const listeners = new Set<() => void>();
  return {
    get: () => state,
    set(change) {
      const next = { ...state, ...change };
      state = Object.fromEntries(Object.entries(next).filter(([, value]) => value !== undefined)) as unknown as ScreenState;
      for (const listener of listeners) listener();
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}
