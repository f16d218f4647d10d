import { render } from "ink-testing-library";
import { createElement } from "react";
import { expect, test } from "vitest";
import { createProgress } from "../../../src/boot/progress.ts";
import { Panel } from "../../../src/boot/tui/panel.tsx";
import { createScreen } from "../../../src/boot/tui/screen.ts";
import type { StageState, StageView } from "../../../src/boot/tui/state.ts";
import { createDesk } from "./desk.ts";

/** SGR codes, ECMA-48 8.3.117. */
const [RED, GREEN, YELLOW, CYAN] = [31, 32, 33, 36];

test.each<{ state: StageState; mark: string; color?: number }>([
  { state: "waits", mark: "-" },
  { state: "waiting for the device", mark: ".", color: YELLOW },
  { state: "found", mark: ":", color: CYAN },
  { state: "key needed", mark: "?", color: YELLOW },
  { state: "deriving the key", mark: "*", color: CYAN },
  { state: "open", mark: "+", color: GREEN },
  { state: "mounted", mark: "+", color: GREEN },
  { state: "failed", mark: "!", color: RED },
])("a stage that is $state says so by a mark, a colour and in words", async ({ state, mark, color }) => {
  const { terminal, shows, raw } = createDesk();
  const screen = createScreen({ terminals: [terminal] });
  screen.show({ quiet: false, stages: [{ name: "crypt /dev/vda2", state }] });
  screen.showWaiting("Waiting for it: 9 s left");
  expect(await shows("crypt /dev/vda2")).toContain(` ${mark} crypt /dev/vda2: ${state}`);
  if (color !== undefined) expect(raw()).toContain(`\x1b[${color}m${state}`);
  await screen.close();
});

function frame(stages: StageView[], rows: number, volumes: string[] = []): string {
  const view = render(createElement(Panel, { state: { quiet: false, header: ["laptop"], stages, volumes }, columns: 80, rows }));
  const text = (view.lastFrame() ?? "").replaceAll(/\x1b\[[0-9;]*m/g, "");
  view.unmount();
  return text;
}

const stages = ["a", "b", "c", "d"].map((name, index): StageView => ({ name, state: index < 2 ? "open" : "waits" }));

test("where not all stages fit, those stay that are still to come; without room there is nothing", () => {
  expect(frame(stages, 4)).toMatch(/ - c: waits\n - d: waits$/);
  expect(frame(stages, 10)).toMatch(/ \+ a: open\n \+ b: open\n - c: waits/);
  expect(frame(stages, 1)).toMatch(/^mkinitrd {2}laptop$/);
  expect(frame(stages, 0)).toBe("");
});

test("a tree that is too long says how many rows are missing", () => {
  const volumes = Array.from({ length: 9 }, (_, index) => `/dev/sd${index}`);
  expect(frame(stages, 12, volumes)).toMatch(/\/dev\/sd0\n \/dev\/sd1\n \/dev\/sd2\n \/dev\/sd3\n and 5 more$/);
  expect(frame(stages, 20, volumes)).toMatch(/\/dev\/sd8$/);
  expect(frame(stages, 8, volumes)).not.toContain("/dev/sd");
});

test("a stage's state goes on from a wait, not back to one: the wait of a stage whose key is asked for is for another device", () => {
  const shown: string[] = [];
  const stage = { kind: "crypt", fstype: "auto", device: "/dev/vda2\x1b", options: {}, mountOptions: [] };
  const progress = createProgress([stage], (views) => shown.push(...views.map(({ name, state }) => `${name}: ${state}`)));
  progress.waits(stage, true);
  progress.waits(stage, false);
  progress.set(stage, "key needed");
  progress.waits(stage, true);
  expect(progress.allOpen()).toBe(false);
  progress.set(stage, "open");
  expect(progress.allOpen()).toBe(true);
  expect(shown).toEqual(["waits", "waiting for the device", "found", "key needed", "open"].map((state) => `crypt /dev/vda2?: ${state}`));
});
