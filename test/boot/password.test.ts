import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Console } from "../../src/boot/console.ts";
import { askPassword } from "../../src/boot/password.ts";

const HASH = "$argon2id$v=19$m=64,t=1,p=2$YWJjZGVmZ2g$1O+b90SwLfh5InJYwysEJqyzqGrvLsAV"; // of "pässwörd", by argon2(1)
let folder: string;
beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), "mkinitrd-password-"))));
afterEach(() => rmSync(folder, { recursive: true }));

/** A terminal on which these pieces are typed, one for each time that somebody listens. */
function ask(pieces: string[], countFile = join(folder, "count")) {
  const [shown, waitedMs]: [string[], number[]] = [[], []];
  const terminal = {
    write: (text: string) => void shown.push(text),
    listen(next: (bytes: Buffer) => void) {
      const piece = pieces.shift();
      if (piece !== undefined) setImmediate(() => next(Buffer.from(piece)));
      return () => {};
    },
    discard: () => void shown.push("<discard>"),
  } as unknown as Console;
  const answer = askPassword(terminal, HASH, { countFile, pause: async (ms) => void waitedMs.push(ms) });
  return { answer, shown, waitedMs };
}

test("the right password is taken, and nothing of it is shown", async () => {
  const { answer, shown } = ask(["pässwörd\r"]);
  await expect(answer).resolves.toBe(true);
  expect(shown.join("")).toBe("Password of this image (Enter alone goes back): \n");
});

test("Enter alone goes back", async () => {
  await expect(ask(["\r"]).answer).resolves.toBe(false);
});

test("each wrong one makes the next wait longer, also when it is asked again, and keys typed meanwhile are dropped", async () => {
  const first = ask(["a\r", "b\r", "c\r", "pässwörd\r"]);
  await expect(first.answer).resolves.toBe(false);
  expect(first.waitedMs).toEqual([1000, 2000, 4000]);
  expect(first.shown.join("")).toMatch(/Wrong password\. 4 s until the next\.\n<discard>$/);
  const second = ask(["d\r", "e\r", "pässwörd\r"]);
  await expect(second.answer).resolves.toBe(true);
  expect(second.waitedMs).toEqual([8000, 16_000]);
  const third = ask(["f\r", "g\r", "h\r"]);
  await third.answer;
  expect(third.waitedMs).toEqual([32_000, 60_000, 60_000]);
});

test("a count that can't be kept is the longest wait", async () => {
  const { answer, waitedMs } = ask(["a\r", "\r"], "/proc/nowhere/count");
  await answer;
  expect(waitedMs).toEqual([60_000]);
});
