import { expect, test } from "vitest";
import { createConfirmKeys } from "../../../src/boot/tui/confirm-keys.ts";

test.each([
  { typed: ["y"], answer: true },
  { typed: ["Y"], answer: true },
  { typed: ["n"], answer: false },
  { typed: ["N"], answer: false },
  { typed: ["\r", " ", "yes"], answer: true },
  { typed: ["x\rny"], answer: false },
  { typed: ["\r"], answer: undefined },
  { typed: ["\x1b[0n"], answer: undefined }, // a terminal's reply to a status query
  { typed: ["\x1b", "[0", "n", "y"], answer: true },
  { typed: ["\x1bOy", "n"], answer: false }, // a key of the keypad
])("$typed is $answer", ({ typed, answer }) => {
  const keys = createConfirmKeys();
  expect(typed.map((text) => keys.feed(Buffer.from(text, "latin1"))).find((found) => found !== undefined)).toBe(answer);
});
