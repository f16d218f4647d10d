import { setTimeout as pause } from "node:timers/promises";
import type { Guest } from "../../src/host/qemu/guest.ts";
import { type Chord, usChords } from "./vga-keys.ts";
import { COLUMNS, decodeVgaText, ROWS, SCREEN_BYTES, type VgaScreen } from "./vga-text.ts";

const TEXT_MEMORY = 0xb8000;
const TEXT_MEMORY_BYTES = 0x8000;
/** The card's CRT controller: an index port, the data port behind it, and the registers that say where the screen begins and the cursor is, in cells. */
const CRTC = { index: 0x3d4, data: 0x3d5, start: [0x0c, 0x0d], cursor: [0x0e, 0x0f] } as const;
/** The keyboard's buffer holds 16 bytes, and a busy guest takes its time. */
const BETWEEN_KEYS_MS = 30;
const LOOK_EVERY_MS = 200;

/** The person in front of a guest's VGA screen. The machine has `display`, and the kernel `console=tty0`. */
export interface Vga {
  /** What is on the screen now. */
  read(): Promise<VgaScreen>;
  /** Waits until the text stands on the screen, in one row or over several; gives the screen. Throws with what stands there when the time is over. */
  waitFor(pattern: string | RegExp, options?: { timeoutMs?: number }): Promise<VgaScreen>;
  /** Presses the keys that type this text on a US keyboard: `\n` Enter, `\t` Tab, `\x1b` Escape, `\x7f` Backspace, `\x15` Ctrl-U. */
  type(text: string): Promise<void>;
  /** Presses keys by QEMU's names, each chord at once: `press(["caps_lock"], ["ctrl", "alt", "delete"])`. */
  press(...chords: Chord[]): Promise<void>;
  /** Writes what the screen looks like, as PNG. */
  screenshot(file: string): Promise<void>;
}

/** Reads and types on the guest's VGA screen. */
export function openVga(guest: Guest): Vga {
  const monitor = async (command: string) => String(await guest.qmp("human-monitor-command", { "command-line": command }));
  const vga: Vga = {
    read: () => readScreen(guest, monitor),
    async waitFor(pattern, { timeoutMs = 120_000 } = {}) {
      const end = Date.now() + timeoutMs;
      for (;;) {
        const screen = await vga.read();
        if (typeof pattern === "string" ? screen.text.includes(pattern) : pattern.test(screen.text)) return screen;
        if (Date.now() > end) throw new Error(`${pattern} did not come on the VGA screen in ${timeoutMs / 1000} s; there stands:\n${screen.text}\n--- end of the screen`);
        await pause(LOOK_EVERY_MS);
      }
    },
    type: (text) => vga.press(...usChords(text)),
    async press(...chords) {
      for (const chord of chords) {
        await sendKeys(guest, chord, true);
        await sendKeys(guest, chord.toReversed(), false);
        await pause(BETWEEN_KEYS_MS);
      }
    },
    screenshot: async (file) => void (await guest.qmp("screendump", { filename: file, format: "png" })),
  };
  return vga;
}

/** The guest stands still meanwhile: the index register is put back, and nothing scrolls between two reads. */
async function readScreen(guest: Guest, monitor: (command: string) => Promise<string>): Promise<VgaScreen> {
  const readPort = async (port: number) => parseInt(/= 0x([0-9a-f]+)/.exec(await monitor(`i /1bx ${port}`))?.[1] ?? "", 16);
  const writePort = (port: number, value: number) => monitor(`o /1bx ${port} ${value}`);
  await guest.qmp("stop");
  try {
    const index = await readPort(CRTC.index);
    const readPair = async (registers: readonly number[]) => {
      let value = 0;
      for (const register of registers) {
        await writePort(CRTC.index, register);
        value = value * 256 + (await readPort(CRTC.data));
      }
      return value;
    };
    const start = await readPair(CRTC.start);
    const cursor = await readPair(CRTC.cursor);
    await writePort(CRTC.index, index);
    return decodeVgaText(await readMemory(monitor, (start * 2) % TEXT_MEMORY_BYTES), Math.min(Math.max(cursor - start, 0), COLUMNS * ROWS - 1));
  } finally {
    await guest.qmp("cont");
  }
}

/** `000b8000: 0x20 0x07 …`, 8 bytes in a line. The screen may go on at the start of the memory. */
async function readMemory(monitor: (command: string) => Promise<string>, offset: number): Promise<Buffer> {
  const first = Math.min(SCREEN_BYTES, TEXT_MEMORY_BYTES - offset);
  const pieces = [[offset, first], [0, SCREEN_BYTES - first]] as const;
  const texts: string[] = [];
  for (const [from, length] of pieces) if (length > 0) texts.push(await monitor(`xp /${length}bx ${TEXT_MEMORY + from}`));
  return Buffer.from(texts.join("\n").split("\n").flatMap((line) => line.replace(/^[0-9a-f]+:/, "").match(/0x[0-9a-f]{2}/g) ?? []).map(Number));
}

async function sendKeys(guest: Guest, keys: readonly string[], down: boolean): Promise<void> {
  await guest.qmp("input-send-event", { events: keys.map((key) => ({ type: "key", data: { down, key: { type: "qcode", data: key } } })) });
}
