import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createRounds } from "../../src/boot/rounds.ts";

let folder: string;
beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), "mkinitrd-rounds-"))));
afterEach(() => rmSync(folder, { recursive: true }));

test("a round counts once, in whichever attempt of the boot it is ended; one without a wrong passphrase counts none", () => {
  const boot = () => createRounds(2, folder);
  expect(boot().end()).toBe(false);
  const first = boot();
  first.begin();
  first.begin();
  expect(first.end()).toBe(false);
  expect(boot().end()).toBe(false);
  boot().begin(); // and the program is killed
  expect(boot().end()).toBe(true);
  expect(boot().end()).toBe(true); // for good
});

test("what can't be kept was the last", () => {
  const rounds = createRounds(99, "/proc/nowhere");
  rounds.begin();
  expect(rounds.end()).toBe(true);
});
