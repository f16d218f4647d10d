import type { Questions } from "../door.ts";
import type { Dialog, Dialogs, SecretDialog } from "./dialogs.ts";
import type { Store } from "./state.ts";

/** The passphrases that are awaited, for programs: each question has a number of its own for this boot. `abandoned` is called when the last of them that watched is gone. */
export function createQuestions(dialogs: Dialogs, store: Store, abandoned: () => void): Questions & { readonly isWatched: boolean } {
  const ids = new Map<Dialog, number>();
  let watchers = 0;
  const open = () => dialogs.open.filter((dialog): dialog is SecretDialog => dialog.kind === "secret" && dialog.blind !== true);
  return {
    awaited: () => open().map((dialog) => {
      if (!ids.has(dialog)) ids.set(dialog, ids.size + 1);
      return { id: ids.get(dialog)!, title: dialog.title, ...(dialog.wrong === undefined ? {} : { wrong: dialog.wrong }) };
    }),
    answer(id, secret) {
      const dialog = open().find((one) => ids.get(one) === id);
      if (dialog !== undefined && dialogs.answer(dialog, { answer: secret })) return true;
      secret.fill(0);
      return false;
    },
    subscribe(changed) {
      let before = dialogs.open;
      const unsubscribe = store.subscribe(() => {
        if (dialogs.open.length === before.length && dialogs.open.every((dialog, index) => dialog === before[index])) return;
        before = dialogs.open;
        changed();
      });
      watchers++;
      return () => {
        unsubscribe();
        watchers--;
        if (watchers === 0) abandoned();
      };
    },
    get isWatched() {
      return watchers > 0;
    },
  };
}
