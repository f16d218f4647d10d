import { Readable } from "node:stream";
import chalk from "chalk";
import { Box, render, Text, useStdout, useWindowSize } from "ink";
import { useEffect, useState } from "react";
import { boxColumns, textColumns } from "./box.ts";
import { DialogBox, Framed } from "./dialog-views.tsx";
import type { Picture } from "./ink-view.ts";
import { Panel } from "./panel.tsx";
import type { ScreenState } from "./state.ts";

// In the VGA console's font as in every other; CP437 has no braille, nor an ellipsis.
const SPINNER = ["|", "/", "-", "\\"];
/** Each turn draws the box anew, and a slow machine is busy deriving the key. */
const SPINNER_MS = 400;
/** chalk's level for the colours that every console has. */
const COLORS_16 = 1;

const EMPTY: ScreenState = { quiet: true, header: [], stages: [], volumes: [] };

export interface Drawing {
  draw(picture: Picture): void;
  /** A line that stays, above the picture; it is the terminal that wraps it. */
  print(line: string): void;
  /** How many characters of a secret the last picture had. */
  characters(): number;
  /** Resolves when the terminal has the last picture. */
  drawn(): Promise<void>;
  stop(): void;
}

/**
 * Draws a picture on a terminal, and each next one in its place. Keys are not Ink's business: it gets an input that is
 * silent. `written` is called behind each piece that Ink writes.
 */
export function startInk(picture: Picture, output: NodeJS.WriteStream, written: () => void = () => {}): Drawing {
  chalk.level = COLORS_16; // it looked at what it was built on
  let last = picture;
  const input = new Readable({ read() {} }) as unknown as NodeJS.ReadStream;
  let print = (_line: string) => {};
  const Printer = () => {
    const { write } = useStdout();
    print = (line) => write(`${line}\n`);
    return null;
  };
  const whole = (state: Picture) => <><Printer /><Screen {...state} /></>;
  const instance = render(whole(picture), {
    stdout: tellWritten(output, written),
    stderr: output,
    stdin: input,
    exitOnCtrlC: false,
    patchConsole: false,
    interactive: true,
    incrementalRendering: true, // a serial line is slow: only rows that changed are sent
  });
  return {
    draw(next) {
      if (next.state === last.state && next.typing === last.typing) return;
      last = next;
      instance.rerender(whole(next));
    },
    print: (line) => print(line),
    characters: () => last.typing.characters,
    drawn: () => instance.waitUntilRenderFlush(),
    stop() {
      instance.rerender(whole({ ...last, state: EMPTY }));
      instance.unmount();
    },
  };
}

function tellWritten(output: NodeJS.WriteStream, written: () => void): NodeJS.WriteStream {
  const write = (...args: Parameters<typeof output.write>) => {
    const isAccepted = output.write(...args);
    written();
    return isAccepted;
  };
  return new Proxy(output, {
    get(target, key) {
      if (key === "write") return write;
      const value = Reflect.get(target, key, target) as unknown;
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

/** What changes in place: how far the boot is, and what is waited for or asked. */
export function Screen({ state, typing, isVirtual }: Picture) {
  const { columns, rows } = useWindowSize();
  const { dialog, busy, waiting, quiet, keymap } = state;
  const width = boxColumns(columns);
  return (
    <>
      {!quiet && <Panel state={state} columns={columns} rows={rows - bottomRows(state, columns)} />}
      {waiting !== undefined && <Text>  {waiting}</Text>}
      {dialog !== undefined && <DialogBox dialog={dialog} keymap={isVirtual ? keymap : undefined} typing={typing} columns={columns} rows={rows} />}
      {dialog === undefined && busy !== undefined && <Framed color="cyan" width={width}><Text bold><Spinner /> {busy}</Text></Framed>}
      {dialog === undefined && busy === undefined && waiting === undefined && !quiet && <Box height={1} />}
    </>
  );
}

/** Rows that the dialog and the line where the cursor rests take, as far as can be told before they are drawn. */
function bottomRows({ dialog, busy, waiting }: ScreenState, columns: number): number {
  const wrapped = (text: string) => Math.ceil(text.length / textColumns(columns)) || 1;
  const other = (waiting === undefined ? 0 : 1) + 2;
  if (dialog === undefined) return other + (busy === undefined ? 0 : 2 + wrapped(busy));
  switch (dialog.kind) {
    case "secret":
      return other + 3 + wrapped(dialog.title) + (dialog.wrong === undefined ? 0 : wrapped(dialog.wrong)) + 3;
    case "confirm":
      return other + 3 + [...dialog.reasons, dialog.text].reduce((sum, text) => sum + wrapped(text), 0);
    case "choice":
      return other + 4 + dialog.items.length;
    case "text":
      return other + 4 + [dialog.title, ...dialog.hints].reduce((sum, text) => sum + wrapped(text), 0) + wrapped(dialog.text);
    case "page":
      return Infinity; // it has the whole screen
  }
}

function Spinner() {
  const [frame, setFrame] = useState(0);
  useEffect(() => {
    const timer = setInterval(() => setFrame((old) => old + 1), SPINNER_MS);
    return () => clearInterval(timer);
  }, []);
  return <>{SPINNER[frame % SPINNER.length]}</>;
}
