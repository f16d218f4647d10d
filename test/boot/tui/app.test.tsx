import { PassThrough } from "node:stream";
import { render as renderOn } from "ink";
import { render } from "ink-testing-library";
import { expect, test } from "vitest";
import { Prompt, Screen } from "../../../src/boot/tui/app.tsx";
import { createStore } from "../../../src/boot/tui/state.ts";

const question = { volume: "/dev/vda2", attempt: 1, attempts: 3, characters: 0, checking: false };

test("the prompt names the device and its label", () => {
  const { lastFrame } = render(<Prompt prompt={{ ...question, label: "cryptroot" }} />);
  expect(lastFrame()).toContain("Passphrase for /dev/vda2 (cryptroot)");
});

test("each character typed is an asterisk", () => {
  const { lastFrame } = render(<Prompt prompt={{ ...question, characters: 5 }} />);
  expect(lastFrame()).toMatch(/> \*{5}_/);
});

test("a passphrase longer than the box is cut on the screen", () => {
  const { lastFrame } = render(<Prompt prompt={{ ...question, characters: 512 }} />);
  expect(lastFrame()).toMatch(/ \*{48}\.\.\. /);
  expect(Math.max(...lastFrame()!.split("\n").map((line) => line.length))).toBe(64);
});

test("on a screen of 40 columns the box is as wide, and its lines are wrapped in it", () => {
  const stdout = Object.assign(new PassThrough(), { columns: 40, rows: 24, isTTY: true }) as unknown as NodeJS.WriteStream;
  const { unmount } = renderOn(<Prompt prompt={{ ...question, characters: 30, attempt: 2 }} />, { stdout, debug: true, patchConsole: false });
  const frame = String((stdout as unknown as PassThrough).read()).replaceAll(/\x1b\[[0-9;?]*[a-zA-Z]/g, "");
  unmount();
  expect(frame).toMatch(/│ +> \*{24}\.\.\. +│/);
  expect(frame).toMatch(/opens no +│\n│ +keyslot\. Attempt 2 of 3\./);
  expect(new Set(frame.split("\n").filter((line) => line.trim() !== "").map((line) => line.length))).toEqual(new Set([40]));
});

test("a wrong passphrase is said and counted", () => {
  const { lastFrame } = render(<Prompt prompt={{ ...question, attempt: 2 }} />);
  expect(lastFrame()).toContain("Wrong passphrase: it opens no keyslot. Attempt 2 of 3.");
});

test("a question for something else says what it is, and why the answer before was wrong", () => {
  const { lastFrame } = render(<Prompt prompt={{ ...question, what: "PIM (0 for none)", wrong: "It opens no header.", attempt: 2 }} />);
  expect(lastFrame()).toContain("PIM (0 for none) for /dev/vda2");
  expect(lastFrame()).toContain("It opens no header. Attempt 2 of 3.");
});

test("while the answer is tried the prompt says so, and neither asks nor complains", () => {
  const { lastFrame } = render(<Prompt prompt={{ ...question, attempt: 2, checking: true }} />);
  expect(lastFrame()).toContain("Trying the passphrase on /dev/vda2");
  expect(lastFrame()).not.toMatch(/Wrong|Passphrase for/);
});

test("lines stay above the prompt, the countdown goes when the wait is over", async () => {
  const store = createStore();
  const { lastFrame } = render(<Screen store={store} />);
  store.set({ lines: ["[    2.31] first line"], waiting: "Waiting for UUID=x: 29 s left" });
  await expect.poll(() => lastFrame()).toContain("Waiting for UUID=x: 29 s left");
  store.set({ waiting: undefined, prompt: question });
  await expect.poll(() => lastFrame()).toContain("Passphrase for /dev/vda2");
  expect(lastFrame()).not.toContain("Waiting");
  expect(lastFrame()!.indexOf("first line")).toBeLessThan(lastFrame()!.indexOf("Passphrase"));
});
