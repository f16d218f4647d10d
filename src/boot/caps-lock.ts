import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const LEDS = "/sys/class/leds";

/**
 * Whether Caps Lock is on for the virtual terminal in front, by the light of any keyboard, which the kernel sets as the lock changes:
 * drivers/input/input-leds.c, drivers/tty/vt/keyboard.c. Undefined where no keyboard has such a light. It says nothing about what is
 * typed on a serial line. Reads a directory and one small file for each keyboard.
 */
export function readCapsLock(directory = LEDS): boolean | undefined {
  const lights = namesIn(directory).filter((name) => /^input\d+::capslock$/.test(name));
  const states = lights.map((name) => readBrightness(join(directory, name, "brightness"))).filter((state) => state !== undefined);
  return states.length === 0 ? undefined : states.some((state) => state > 0);
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return []; // a kernel without lights
  }
}

/** Undefined when the keyboard was pulled out meanwhile. */
function readBrightness(file: string): number | undefined {
  try {
    const text = readFileSync(file, "latin1").trim();
    return /^\d+$/.test(text) ? Number(text) : undefined;
  } catch {
    return undefined;
  }
}
