import { Box, Text, useWindowSize } from "ink";
import type { ReactNode } from "react";
import { boxColumns, INPUT_MARK, inputColumns, isLow, PADDING } from "./box.ts";
import type { ChoiceDialog, ConfirmDialog, Dialog, PageDialog, SecretDialog, TextDialog } from "./dialogs.ts";
import type { Typing } from "./keyboard.ts";

/** Rows that a menu or a page has beside its items, with a border and without. */
const ROWS_BESIDE_ITEMS = 6;
const ROWS_BESIDE_ITEMS_LOW = 4;

export interface DialogProps<Kind extends Dialog = Dialog> {
  dialog: Kind;
  /** The layout of the keyboard that belongs to this console. */
  keymap?: string | undefined;
  typing: Typing;
  columns: number;
  rows: number;
}

export function DialogBox(props: DialogProps) {
  const { dialog, ...rest } = props;
  switch (dialog.kind) {
    case "secret":
      return <SecretBox dialog={dialog} {...rest} />;
    case "confirm":
      return <ConfirmBox dialog={dialog} {...rest} />;
    case "choice":
      return <ChoiceBox dialog={dialog} {...rest} />;
    case "text":
      return <TextBox dialog={dialog} {...rest} />;
    case "page":
      return <PageBox dialog={dialog} {...rest} />;
  }
}

export function Framed({ color, width, children }: { color: string; width: number; children: ReactNode }) {
  const { rows } = useWindowSize();
  if (isLow(rows)) return <Box flexDirection="column" width={width}>{children}</Box>;
  return <Box flexDirection="column" borderStyle="single" borderColor={color} paddingX={PADDING} width={width}>{children}</Box>;
}

/** The question for a passphrase. What is typed stands in the last row: it may be drawn over (ink-view.ts). */
function SecretBox({ dialog: { title, wrong, blind = false }, keymap, typing, columns, rows }: DialogProps<SecretDialog>) {
  const low = isLow(rows);
  const most = inputColumns(columns);
  const keys = blind ? "Enter alone goes back." : `Enter unlocks. Tab ${typing.shown ? "hides" : "shows"}. Esc: menu.`;
  return (
    <Framed color={wrong === undefined ? "cyan" : "yellow"} width={boxColumns(columns)}>
      <Text bold>{title}</Text>
      {wrong !== undefined && <Text color="yellow" wrap={low ? "truncate-start" : "wrap"}>{wrong}</Text>}
      {!low && <Text dimColor>{keys}{keymap === undefined ? "" : ` Keyboard: ${keymap}.`}</Text>}
      {typing.capsLock === true && <Text bold color="yellow">Caps Lock is on.</Text>}
      <Text wrap="truncate">{INPUT_MARK}{"*".repeat(Math.min(typing.characters, most))}_</Text>
    </Framed>
  );
}

function ConfirmBox({ dialog: { text, reasons, yes, no }, typing, columns }: DialogProps<ConfirmDialog>) {
  return (
    <Framed color="yellow" width={boxColumns(columns)}>
      {reasons.map((reason, index) => <Text key={index}>{reason}</Text>)}
      <Text bold>{text}</Text>
      <Text>{typing.listening ? `y ${yes}, n ${no}: _` : " "}</Text>
    </Framed>
  );
}

function ChoiceBox({ dialog: { title, items, back }, typing: { selected, listening }, columns, rows }: DialogProps<ChoiceDialog>) {
  const most = Math.max(rows - (isLow(rows) ? ROWS_BESIDE_ITEMS_LOW : ROWS_BESIDE_ITEMS), 1);
  const first = Math.max(0, Math.min(selected - most + 1, items.length - most));
  return (
    <Framed color="cyan" width={boxColumns(columns)}>
      <Text bold>{title}</Text>
      {items.slice(first, first + most).map(({ key, text }, index) => (
        <Text key={index} wrap="truncate" inverse={first + index === selected}>{first + index === selected ? ">" : " "} {key ?? " "}  {text}</Text>
      ))}
      {items.length > 0 && <Text>{listening ? `Choose: ${back ? "(Esc goes back) " : ""}_` : " "}</Text>}
    </Framed>
  );
}

function TextBox({ dialog: { title, hints }, typing: { text, caret }, columns }: DialogProps<TextDialog>) {
  const characters = [...text, " "];
  return (
    <Framed color="cyan" width={boxColumns(columns)}>
      <Text bold>{title}</Text>
      {hints.map((hint, index) => <Text key={index} dimColor>{hint}</Text>)}
      <Text wrap="hard">
        {INPUT_MARK}
        {characters.slice(0, caret).join("")}
        <Text inverse>{characters[caret]}</Text>
        {characters.slice(caret + 1).join("")}
      </Text>
    </Framed>
  );
}

function PageBox({ dialog: { title, lines }, typing: { offset }, columns, rows }: DialogProps<PageDialog>) {
  const most = Math.max(rows - ROWS_BESIDE_ITEMS, 1);
  const shown = lines.slice(offset, offset + most);
  return (
    <Box flexDirection="column" borderStyle="single" borderColor="cyan" paddingX={1} width={columns}>
      <Text bold wrap="truncate">{title}, lines {offset + 1} to {offset + shown.length} of {lines.length}</Text>
      {shown.map((line, index) => <Text key={index} wrap="truncate">{line === "" ? " " : line}</Text>)}
      <Text dimColor wrap="truncate">Up, Down, Page Up, Page Down. Enter goes back.</Text>
    </Box>
  );
}
