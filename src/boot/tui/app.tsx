import { Readable } from "node:stream";
import chalk from "chalk";
import { Box, render, Static, Text, useWindowSize } from "ink";
import { useEffect, useState, useSyncExternalStore } from "react";
import type { PromptState, QuestionState, Store } from "./state.ts";

// In the VGA console's font as in every other; CP437 has no braille, nor an ellipsis.
const SPINNER = ["|", "/", "-", "\\"];
/** Each turn draws the box anew, and a slow machine is busy deriving the key. */
const SPINNER_MS = 400;
const BOX_COLUMNS = 64;
/** Columns of the box that a row of asterisks may not take: borders, padding, "> " and what stands behind the row. */
const MARGIN_COLUMNS = 16;

/** chalk's level for the colours that every console has. */
const COLORS_16 = 1;

/** Draws the state on a terminal, and again at each change. Keys are not Ink's business: it gets an input that is silent. */
export function startInk(store: Store, output: NodeJS.WriteStream): { stop(): void } {
  chalk.level = process.env["TERM"] === "dumb" ? 0 : COLORS_16; // it looked at what it was built on
  const input = new Readable({ read() {} }) as unknown as NodeJS.ReadStream;
  const instance = render(<Screen store={store} />, {
    stdout: output,
    stderr: output,
    stdin: input,
    exitOnCtrlC: false,
    patchConsole: false,
    interactive: true,
    incrementalRendering: true, // a serial line is slow: only rows that changed are sent
  });
  return { stop: () => instance.unmount() };
}

/** The lines that stay, and under them what changes: the wait, or the prompt. */
export function Screen({ store }: { store: Store }) {
  const state = useSyncExternalStore(store.subscribe, store.get);
  return (
    <>
      <Static items={[...state.lines]}>{(line, index) => <Text key={index}>{line}</Text>}</Static>
      {state.waiting !== undefined && <Text>  {state.waiting}</Text>}
      {state.prompt !== undefined && <Prompt prompt={state.prompt} />}
      {state.question !== undefined && <Question question={state.question} />}
    </>
  );
}

/** The question for one volume's passphrase. */
export function Prompt({ prompt }: { prompt: PromptState }) {
  const { volume, label, what = "Passphrase", wrong: reason = WRONG_PASSPHRASE, attempt, attempts, characters, checking } = prompt;
  const wrong = attempt > 1 && !checking;
  const width = useBoxWidth();
  const most = Math.max(width - MARGIN_COLUMNS, 1); // longer passphrases show as many and go on
  return (
    <Box flexDirection="column" borderStyle="single" borderColor={wrong ? "yellow" : "cyan"} paddingX={2} marginY={1} width={width}>
      <Text bold>
        {checking ? <Spinner /> : `${what} for `}
        {volume}
        {label === undefined ? "" : ` (${label})`}
      </Text>
      <Text>
        {"> "}
        {"*".repeat(Math.min(characters, most))}
        {characters > most ? "..." : checking ? "" : "_"}
      </Text>
      <Text dimColor={!wrong}>{checking ? " " : wrong ? `${reason} Attempt ${attempt} of ${attempts}.` : "Enter unlocks. Ctrl-U clears the line."}</Text>
    </Box>
  );
}

/** A small screen has 40 columns. */
function useBoxWidth(): number {
  return Math.min(BOX_COLUMNS, useWindowSize().columns);
}

const WRONG_PASSPHRASE = "Wrong passphrase: it opens no keyslot.";

/** A question that one key answers; the line that asks for the key comes when keys are listened to. */
export function Question({ question: { text, reasons, yes, no, listening } }: { question: QuestionState }) {
  return (
    <Box flexDirection="column" borderStyle="single" borderColor="yellow" paddingX={2} marginY={1} width={useBoxWidth()}>
      {reasons.map((reason, index) => <Text key={index}>{reason}</Text>)}
      <Text bold>{text}</Text>
      <Text>{listening ? `y ${yes}, n ${no}: _` : " "}</Text>
    </Box>
  );
}

/** That the answer is being tried; the words of the question stand on the screen only while one is awaited. */
function Spinner() {
  const [frame, setFrame] = useState(0);
  useEffect(() => {
    const timer = setInterval(() => setFrame((old) => old + 1), SPINNER_MS);
    return () => clearInterval(timer);
  }, []);
  return <>{SPINNER[frame % SPINNER.length]} Trying the passphrase on </>;
}
