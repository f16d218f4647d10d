import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { askPassword } from "../../src/boot/password.ts";
import { createScreen } from "../../src/boot/tui/screen.ts";
import { createDesk, wiped } from "./tui/desk.ts";

const HASH = "$argon2id$v=19$m=64,t=1,p=2$YWJjZGVmZ2g$1O+b90SwLfh5InJYwysEJqyzqGrvLsAV"; // of "pässwörd", by argon2(1)
let folder: string;
beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), "mkinitrd-password-"))));
afterEach(() => rmSync(folder, { recursive: true }));

/** Asks on an emulated terminal, and types these pieces, one at each prompt. */
async function ask(pieces: string[], countFile = join(folder, "count")) {
  const desk = createDesk();
  const screen = createScreen({ terminals: [desk.terminal] });
  const waitedMs: number[] = [];
  const typing = async () => {
    for (const piece of pieces) {
      await desk.shows(/Password of this image[^]*> _/);
      await expect.poll(desk.isRead).toBe(true);
      desk.type(piece);
      await desk.hides(/Password of this image/);
    }
  };
  const answer = askPassword(screen, HASH, {
    countFile,
    async pause(ms) {
      waitedMs.push(ms);
      await desk.shows(/The password is asked for again in \d+ s\./);
      desk.type("dropped");
    },
  });
  void typing().catch(() => {});
  const isRight = await answer;
  await screen.close();
  return { isRight, waitedMs, ...desk };
}

test("the right password is taken; neither it nor its length is shown, and it is wiped", async () => {
  const { isRight, raw, given } = await ask(["pässwörd\r"]);
  expect(isRight).toBe(true);
  expect(raw()).toContain("Password of this image");
  expect(raw()).not.toMatch(/pässwörd|\*/);
  expect(wiped(given)).toBe(true);
});

test("Enter alone goes back", async () => {
  expect((await ask(["\r"])).isRight).toBe(false);
});

test("each wrong one makes the next wait longer, also when it is asked again, and keys typed meanwhile are dropped", async () => {
  const first = await ask(["a\r", "b\r", "c\r"]);
  expect(first.isRight).toBe(false);
  expect(first.waitedMs).toEqual([1000, 2000, 4000]);
  await expect.poll(first.text).toMatch(/Wrong password\. 4 s until the next\./);
  const second = await ask(["d\r", "e\r", "pässwörd\r"]);
  expect(second.isRight).toBe(true);
  expect(second.waitedMs).toEqual([8000, 16_000]);
  const third = await ask(["f\r", "g\r", "h\r"]);
  expect(third.waitedMs).toEqual([32_000, 60_000, 60_000]);
});

test("a count that can't be kept is the longest wait", async () => {
  expect((await ask(["a\r", "\r"], "/proc/nowhere/count")).waitedMs).toEqual([60_000]);
});
