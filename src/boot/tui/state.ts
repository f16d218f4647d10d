import type { Dialog } from "./dialogs.ts";

/** What all consoles show. No secret is in it. */
export interface ScreenState {
  /** Nothing but prompts and errors. */
  quiet: boolean;
  /** The machine, the kernel, the image. */
  header: readonly string[];
  stages: readonly StageView[];
  /** The tree of volumes, a row for each. */
  volumes: readonly string[];
  /** The keyboard layout of the virtual consoles, where the image has several. */
  keymap?: string;
  /** What is being waited for, with the seconds left. */
  waiting?: string;
  dialog?: Dialog;
  /** What takes a while: `Trying the passphrase on /dev/vda2`. */
  busy?: string;
}

/** A stage of the realroot and how far it is. */
export interface StageView {
  /** `crypt UUID=7a4d…` */
  name: string;
  state: StageState;
}

export type StageState = "waits" | "waiting for the device" | "found" | "key needed" | "deriving the key" | "open" | "mounted" | "failed";

/** Something is drawn that changes in place, and that other output would tear. */
export function changesInPlace({ dialog, waiting, busy }: ScreenState): boolean {
  return dialog !== undefined || waiting !== undefined || busy !== undefined;
}

export interface Store {
  get(): ScreenState;
  /** Puts the given parts in place of the old ones; a part that is `undefined` goes away. */
  set(change: { [Key in keyof ScreenState]?: ScreenState[Key] | undefined }): void;
  subscribe(listener: () => void): () => void;
}

/** The state, and who wants to hear of its changes. */
export function createStore(): Store {
  let state: ScreenState = { quiet: true, header: [], stages: [], volumes: [] };
  const listeners = new Set<() => void>();
  return {
    get: () => state,
    set(change) {
      const next = { ...state, ...change };
      state = Object.fromEntries(Object.entries(next).filter(([, value]) => value !== undefined)) as unknown as ScreenState;
      for (const listener of [...listeners]) listener();
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}
