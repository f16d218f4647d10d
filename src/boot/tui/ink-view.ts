import { type Console, isVirtualConsole } from "../console.ts";
import { startInk, type Drawing } from "./app.tsx";
import type { View } from "./front.ts";
import type { Keyboard, Typing } from "./keyboard.ts";
import { startLayout } from "./layout.ts";
import { INPUT_COLUMN, INPUT_ROWS_UP, inputColumns, isLow } from "./box.ts";
import { changesInPlace, type ScreenState, type Store } from "./state.ts";

/** Lines that a page leaves to its title, its border and what stands around it. */
const ROWS_BESIDE_PAGE = 6;

/** What one console draws: the state of all, and what is typed here. */
export interface Picture {
  state: ScreenState;
  typing: Typing;
  /** It has the machine's own keyboard. */
  isVirtual: boolean;
}

/**
 * Draws with Ink, which is started for the first thing that changes in place; until then lines are written as they come.
 */
export function createInkView(terminal: Console, store: Store, keyboard: Keyboard): View {
  let drawing: Drawing | undefined;
  const isVirtual = isVirtualConsole(terminal.name);
  let revealed = false;
  let isPrinting = false; // the cursor is not where the box is
  let asked: ScreenState["dialog"]; // what stands on the screen

  const picture = (): Picture => ({ state: store.get(), typing: keyboard.typing, isVirtual });
  const drawNow = () => {
    if (!keyboard.typing.shown) hide();
    drawing?.draw(picture());
    if (keyboard.typing.shown) reveal();
  };

  /** What the person wants to see of a secret goes over its asterisks, past Ink, which would keep it. */
  function reveal(): void {
    const columns = inputColumns(terminal.output.columns);
    const isWhole = !isLow(terminal.output.rows); // else the box is another one
    const secret = keyboard.typing.shown && drawing !== undefined && !isPrinting && isWhole ? keyboard.reveal(columns) : undefined;
    if (secret === undefined) return;
    revealed = true;
    overInput(columns, () => terminal.output.write(secret, () => secret.fill(0)));
  }

  /** Ink, which believes that asterisks stand there, draws only what has changed. */
  function hide(): void {
    if (!revealed) return;
    revealed = false;
    const columns = inputColumns(terminal.output.columns);
    overInput(columns, () => terminal.write("*".repeat(Math.min(drawing?.characters() ?? 0, columns))));
  }

  function overInput(columns: number, write: () => void): void {
    const toStart = `\x1b[${INPUT_COLUMN}G`;
    terminal.write(`\x1b7\x1b[${INPUT_ROWS_UP}A${toStart}${" ".repeat(columns + 1)}${toStart}`);
    write();
    terminal.write("_\x1b8");
  }

  return {
    print(text) {
      if (drawing === undefined) terminal.write(`${text}\n`);
      else {
        hide();
        isPrinting = true;
        drawing.print(text);
        isPrinting = false;
        reveal();
      }
    },
    async update() {
      if (drawing === undefined && changesInPlace(store.get())) {
        await startLayout();
        if (changesInPlace(store.get())) drawing ??= startInk(picture(), terminal.output, reveal);
      }
      drawNow();
      const { dialog } = store.get();
      if (dialog !== asked && dialog !== undefined) await drawing?.drawn();
      asked = dialog;
      return asked;
    },
    clear() {
      asked = undefined;
      hide();
      drawing?.stop();
      drawing = undefined;
    },
    pageRows: () => Math.max(terminal.output.rows - ROWS_BESIDE_PAGE, 1),
    resized(rows, columns) {
      if (terminal.output.rows === rows && terminal.output.columns === columns) return;
      Object.assign(terminal.output, { rows, columns });
      terminal.output.emit("resize");
    },
  };
}
