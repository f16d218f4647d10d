import { printableLine } from "../core/quote.ts";
import type { Stage } from "../core/realroot/types.ts";
import type { StageState, StageView } from "./tui/state.ts";

/** How far each stage of the realroot is, for people to see. */
export interface Progress {
  /** Stages that nobody named join when they are served. */
  set(stage: Stage, state: StageState): void;
  /** Whether its device is being waited for; for a stage that has gone further this means another device. */
  waits(stage: Stage, isWaiting: boolean): void;
  /** Whether all stages of the realroot are open. */
  allOpen(): boolean;
}

/** What a wait leads from and to. */
const BEFORE_KEY: (StageState | undefined)[] = [undefined, "waits", "waiting for the device", "found"];

export function createProgress(stages: readonly Stage[], show: (stages: StageView[]) => void): Progress {
  const states = new Map<Stage, StageState>(stages.map((stage) => [stage, "waits"]));
  const tell = () => show([...states].map(([stage, state]) => ({ name: describe(stage), state })));
  tell();
  const set = (stage: Stage, state: StageState) => {
    if (states.get(stage) === state) return;
    states.set(stage, state);
    tell();
  };
  return {
    set,
    waits(stage, isWaiting) {
      if (BEFORE_KEY.includes(states.get(stage))) set(stage, isWaiting ? "waiting for the device" : "found");
    },
    allOpen: () => stages.every((stage) => ["open", "mounted"].includes(states.get(stage) ?? "")),
  };
}

function describe({ kind, device, subvolume }: Stage): string {
  return printableLine(`${kind} ${device}${subvolume === undefined ? "" : ` @${subvolume}`}`);
}
