import { PassThrough } from "node:stream";
import { expect, test } from "vitest";
import type { Console } from "../../../src/boot/console.ts";
import { createScreen, noScreen } from "../../../src/boot/tui/screen.ts";

/** A terminal without hardware: `type` gives keys to whoever listens, as the console does, and keeps them until then. */
function desk() {
  const output = Object.assign(new PassThrough(), { columns: 80, rows: 24, isTTY: true }) as unknown as NodeJS.WriteStream;
  const state = { screen: "", listener: undefined as ((bytes: Buffer) => void) | undefined, given: [] as Buffer[] };
  let kept = "";
  output.on("data", (data: Buffer) => (state.screen += data.toString()));
  const flush = () => {
    if (state.listener === undefined || kept === "") return;
    const bytes = Buffer.from(kept);
    kept = "";
    state.given.push(bytes);
    state.listener(bytes);
  };
  const terminal: Console = {
    name: "/dev/ttyS0",
    output,
    write: (text) => void output.write(text),
    listen(listener) {
      state.listener = listener;
      setImmediate(flush);
      return () => (state.listener = undefined);
    },
    discard: () => {},
    lend: (use) => use(),
    close() {},
  };
  const type = (text: string) => {
    kept += text;
    flush();
  };
  return { terminal, state, type };
}

const question = { volume: "/dev/vda2", attempt: 1, attempts: 3 };
const wiped = (buffers: Buffer[]) => buffers.every((buffer) => buffer.every((byte) => byte === 0));

test("the answer is what was typed, in a buffer of its own; the pieces of it are wiped", async () => {
  const { terminal, state, type } = desk();
  let prompts = 0;
  const screen = createScreen(terminal, () => prompts++);
  const answer = screen.passphrase(question);
  await expect.poll(() => state.screen).toContain("Passphrase for /dev/vda2");
  type("correct ");
  type("horse\r");
  const secret = await answer;
  expect(secret.toString()).toBe("correct horse");
  expect(secret.buffer.byteLength).toBe(secret.length); // no pool that others read
  expect(wiped(state.given)).toBe(true);
  expect(prompts).toBe(1);
  expect(state.screen).not.toContain("horse");
  await screen.close();
});

test("what is typed behind an Enter answers the next question, and not the one after it", async () => {
  const { terminal, state, type } = desk();
  const screen = createScreen(terminal);
  const [first, second] = [screen.passphrase(question), screen.passphrase({ ...question, attempt: 2 })];
  type("one\rtwo\rth");
  expect([(await first).toString(), (await second).toString()]).toEqual(["one", "two"]);
  const third = screen.passphrase({ ...question, attempt: 3 });
  await expect.poll(() => state.listener).toBeDefined();
  type("ree\r");
  expect((await third).toString()).toBe("three");
  expect(wiped(state.given)).toBe(true);
  await screen.close();
});

test("questions wait for each other", async () => {
  const { terminal, state, type } = desk();
  const screen = createScreen(terminal);
  const first = screen.passphrase(question);
  const second = screen.passphrase({ ...question, volume: "/dev/vdb" });
  await expect.poll(() => state.screen).toContain("Passphrase for /dev/vda2");
  expect(state.screen).not.toContain("/dev/vdb");
  type("a\r");
  await first;
  await expect.poll(() => state.screen).toContain("Passphrase for /dev/vdb");
  type("b\r");
  await second;
  await screen.close();
});

test("a boot that ends while a question is open ends the question: nobody listens, nothing that was typed is left", async () => {
  const { terminal, state, type } = desk();
  const screen = createScreen(terminal);
  const open = screen.passphrase(question);
  const queued = screen.passphrase({ ...question, attempt: 2 });
  await expect.poll(() => state.listener).toBeDefined();
  type("half");
  const outcome = Promise.allSettled([open, queued]);
  await screen.close();
  for (const { status } of await outcome) expect(status).toBe("rejected");
  await expect(open).rejects.toThrow(/asking for the passphrase on \/dev\/vda2: the boot has ended/);
  expect(state.listener).toBeUndefined();
  expect(wiped(state.given)).toBe(true);
  const { length } = state.screen;
  screen.showWaiting("Waiting");
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(state.screen.length).toBe(length);
});

test("what a disk calls itself reaches the screen without control characters", async () => {
  const { terminal, state } = desk();
  const screen = createScreen(terminal);
  screen.passphrase({ ...question, label: "a\x1b]0;evil\x07\nb" }).catch(() => {});
  await expect.poll(() => state.screen).toContain("(a?]0;evil??b)");
  screen.showWaiting("Waiting for \x1b[31mLABEL");
  await expect.poll(() => state.screen).toContain("Waiting for ?[31mLABEL");
  await screen.close();
});

test("lines are written as they come until something changes in place, and again after the screen was left", async () => {
  const { terminal, state } = desk();
  const screen = createScreen(terminal);
  screen.print("first");
  expect(state.screen).toBe("first\n");
  screen.showWaiting("Waiting for it");
  await expect.poll(() => state.screen).toContain("Waiting for it");
  screen.print("second");
  await expect.poll(() => state.screen).toContain("second");
  await screen.leave(async () => {
    const before = state.screen.length;
    screen.print("third");
    expect(state.screen.slice(before)).toBe("third\n");
  });
  await screen.close();
});

test("without a console nobody can be asked", async () => {
  await expect(noScreen().passphrase(question)).rejects.toThrow(/no console/);
  await expect(noScreen().leave(async () => 7)).resolves.toBe(7);
});

const confirmation = { text: "Start vg/lv without it?", reasons: ["vg/lv lacks a physical volume."], yes: "starts it", no: "stops" };

test("a yes-or-no question stands on the screen with its reasons until y or n is typed", async () => {
  const { terminal, state, type } = desk();
  const screen = createScreen(terminal);
  const answer = screen.confirm(confirmation);
  await expect.poll(() => state.screen).toMatch(/vg\/lv lacks a physical volume\.[^]*Start vg\/lv without it\?[^]*y starts it, n stops/);
  await expect.poll(() => state.listener).toBeDefined();
  type("\r");
  type("y\r");
  expect(await answer).toBe(true);
  expect(state.listener).toBeUndefined();
  await screen.close();
});

test("what was typed ahead for a passphrase does not answer a yes-or-no question", async () => {
  const { terminal, state, type } = desk();
  const screen = createScreen(terminal);
  const [secret, answer] = [screen.passphrase(question), screen.confirm(confirmation)];
  await expect.poll(() => state.listener).toBeDefined();
  type("one\ryyy");
  await secret;
  await expect.poll(() => state.screen).toContain("Start vg/lv without it?");
  await expect.poll(() => state.listener).toBeDefined();
  type("n");
  expect(await answer).toBe(false);
  await screen.close();
});

test("a boot that ends ends a yes-or-no question; without a console nobody can be asked one", async () => {
  const { terminal, state } = desk();
  const screen = createScreen(terminal);
  const answer = screen.confirm(confirmation);
  const refused = expect(answer).rejects.toThrow(/the boot has ended before there was an answer/);
  await expect.poll(() => state.listener).toBeDefined();
  await screen.close();
  await refused;
  await expect(noScreen().confirm(confirmation)).rejects.toThrow(/no console/);
});
