import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { readCapsLock } from "../../src/boot/caps-lock.ts";

let leds: string;
beforeEach(() => {
  leds = mkdtempSync(join(tmpdir(), "leds-"));
});
afterEach(() => rmSync(leds, { recursive: true }));

function light(name: string, brightness?: string): void {
  mkdirSync(join(leds, name));
  if (brightness !== undefined) writeFileSync(join(leds, name, "brightness"), brightness);
}

test.each([
  { lights: { "input0::capslock": "0\n", "input0::numlock": "1\n" }, state: false },
  { lights: { "input0::capslock": "1\n", "input0::numlock": "0\n" }, state: true },
  { lights: { "input0::capslock": "0\n", "input12::capslock": "1\n" }, state: true },
  { lights: { "input0::capslock": undefined, "input12::capslock": "0\n" }, state: false }, // pulled out
  { lights: { "input0::capslock": "broken\n" }, state: undefined },
  { lights: { "input0::numlock": "1\n", "mmc0::": "1\n", "x::capslock": "1\n" }, state: undefined },
  { lights: {}, state: undefined },
])("with the lights $lights Caps Lock is $state", ({ lights, state }) => {
  for (const [name, brightness] of Object.entries(lights)) light(name, brightness);
  expect(readCapsLock(leds)).toBe(state);
});

test("without a directory of lights nobody knows", () => {
  expect(readCapsLock(join(leds, "none"))).toBeUndefined();
});
