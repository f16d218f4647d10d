import type { Console } from "../console.ts";
import type { Dialog } from "./dialogs.ts";
import type { View } from "./front.ts";
import type { Keyboard } from "./keyboard.ts";
import type { Store } from "./state.ts";

const ALL_ROWS = 10_000;
const PAGE_END = "Enter goes back: ";

/** Lines of text, one after the other: for terminals that can't move their cursor. */
export function createPlainView(terminal: Console, store: Store, keyboard: Keyboard): View {
  let shown: Dialog | undefined;
  let waiting = false;
  let busy: string | undefined;
  let echoed = "";

  const write = (text: string) => terminal.write(text);
  const update = () => {
    const state = store.get();
    if (state.dialog !== shown) {
      if (shown !== undefined) write("\n");
      shown = state.dialog;
      echoed = "";
      if (shown !== undefined) write(opening(shown));
    }
    if (shown?.kind === "text" && keyboard.typing.listening) echo(keyboard.typing.text);
    if (state.waiting !== undefined && !waiting) write(`${state.waiting}\n`);
    waiting = state.waiting !== undefined;
    if (state.busy !== undefined && state.busy !== busy) write(`${state.busy}\n`);
    busy = state.busy;
  };
  /** Without moving the cursor all that can be done is to write on, or the whole line again. */
  const echo = (text: string) => {
    if (text.startsWith(echoed)) write(text.slice(echoed.length));
    else write(`\n> ${text}`);
    echoed = text;
  };
  return {
    print(line) {
      write(`${shown === undefined ? "" : "\n"}${line}\n${shown === undefined ? "" : again(shown)}`);
      echoed = "";
      if (shown?.kind === "text") echo(keyboard.typing.text);
    },
    async update() {
      update();
      return shown;
    },
    clear() {
      shown = undefined;
    },
    pageRows: () => ALL_ROWS,
    resized() {},
  };
}

function opening(dialog: Dialog): string {
  switch (dialog.kind) {
    case "secret":
      return `${dialog.wrong === undefined ? "" : `${dialog.wrong}\n`}${dialog.title}: `;
    case "confirm":
      return `\n${[...dialog.reasons, dialog.text].join("\n")}\ny ${dialog.yes}, n ${dialog.no}: `;
    case "choice":
      if (dialog.items.length === 0) return "";
      return `\n${dialog.title}\n${dialog.items.map(({ key, text }) => `  ${key ?? " "}  ${text}`).join("\n")}\nChoose: `;
    case "text":
      return `\n${[dialog.title, ...dialog.hints].join("\n")}\n> `;
    case "page":
      return `\n${dialog.lines.join("\n")}\n${PAGE_END}`;
  }
}

/** Behind a line of the log: a page is not shown all over. */
function again(dialog: Dialog): string {
  return dialog.kind === "page" ? PAGE_END : opening(dialog);
}
