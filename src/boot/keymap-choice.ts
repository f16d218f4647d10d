import { isVirtualConsole } from "./console.ts";
import type { Keymaps } from "./keymaps.ts";
import { type Choice, LIST_KEYS } from "./menu.ts";
import type { DialogOf } from "./tui/dialogs.ts";
import type { Screen } from "./tui/screen.ts";

/** The menu's list of keyboard layouts, for an image that has some and a machine that has a keyboard of its own. */
export function keymapChoice(screen: Screen, keymaps: Keymaps): Choice[] {
  if (keymaps.names.length === 0 || !screen.terminals.some(({ name }) => isVirtualConsole(name))) return [];
  return [{ key: "k", text: "keyboard layout", run: () => choose(screen, keymaps) }];
}

async function choose(screen: Screen, keymaps: Keymaps): Promise<void> {
  for (;;) {
    const before = keymaps.current ?? keymaps.names[0]!;
    const names = keymaps.names.slice(0, LIST_KEYS.length);
    const items = names.map((name, index) => ({ key: LIST_KEYS[index]!, text: name === keymaps.current ? `${name} (now)` : name }));
    const answer = (await screen.ask({ kind: "choice", title: "Keyboard layout", items, back: true }))?.answer;
    if (answer === undefined) return;
    const name = names[answer]!;
    await keymaps.apply(name);
    const ask = (dialog: DialogOf<"text">) => screen.ask(dialog).catch(async (over: unknown) => {
      await keymaps.apply(before); // the boot has failed meanwhile: nobody has kept it
      throw over;
    });
    const tried = await ask({ kind: "text", title: `Try ${name}`, text: "", hints: ["Type something here; it is shown, so not your passphrase.", `Enter keeps ${name}, Escape goes back to ${before}.`] });
    if (tried?.answer !== undefined) return screen.show({ keymap: name });
    await keymaps.apply(before);
  }
}
