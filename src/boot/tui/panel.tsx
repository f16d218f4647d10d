import { Box, Text } from "ink";
import type { ScreenState, StageState, StageView } from "./state.ts";

/** A mark and a colour for each state; the words beside them say the same where there is no colour. */
const STATES: Record<StageState, { mark: string; color?: string }> = {
  waits: { mark: "-" },
  "waiting for the device": { mark: ".", color: "yellow" },
  found: { mark: ":", color: "cyan" },
  "key needed": { mark: "?", color: "yellow" },
  "deriving the key": { mark: "*", color: "cyan" },
  open: { mark: "+", color: "green" },
  mounted: { mark: "+", color: "green" },
  failed: { mark: "!", color: "red" },
};
/** The tree of volumes is cut where there is less room than this for it. */
const LEAST_TREE_ROWS = 3;

/** How far the boot is, in at most `rows` rows: the machine, the stages, and the volumes where there is room. */
export function Panel({ state: { header, stages, volumes }, columns, rows }: { state: ScreenState; columns: number; rows: number }) {
  if (rows < 1) return null;
  const stageRows = Math.min(stages.length, Math.max(rows - 2, 0));
  const treeRows = rows - 2 - stageRows - 1;
  return (
    <Box flexDirection="column" width={columns}>
      <Text wrap="truncate"><Text bold color="cyan">mkinitrd</Text>{header.map((word) => `  ${word}`).join("")}</Text>
      {lastStages(stages, stageRows).map((stage, index) => <Stage key={index} stage={stage} />)}
      {treeRows >= LEAST_TREE_ROWS && volumes.length > 0 && <Tree rows={volumes} most={treeRows} />}
    </Box>
  );
}

function Stage({ stage: { name, state } }: { stage: StageView }) {
  const { mark, color } = STATES[state];
  return <Text wrap="truncate"> <Text bold {...(color === undefined ? {} : { color })}>{mark}</Text> {name}: <Text {...(color === undefined ? { dimColor: true } : { color })}>{state}</Text></Text>;
}

/** Where not all fit: those from the first that is not open on, as far as they do. */
function lastStages(stages: readonly StageView[], most: number): readonly StageView[] {
  const current = stages.findIndex(({ state }) => state !== "open" && state !== "mounted");
  const from = Math.max(0, Math.min(current === -1 ? stages.length : current, stages.length - most));
  return stages.slice(from, from + most);
}

function Tree({ rows, most }: { rows: readonly string[]; most: number }) {
  const cut = rows.length > most;
  return (
    <>
      <Text> </Text>
      {rows.slice(0, cut ? most - 1 : most).map((row, index) => <Text key={index} wrap="truncate"> {row}</Text>)}
      {cut && <Text dimColor> and {rows.length - most + 1} more</Text>}
    </>
  );
}
