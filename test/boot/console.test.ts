import { type ChildProcess, spawn } from "node:child_process";
import { setTimeout as pause } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type Console, openTerminal } from "../../src/boot/console.ts";
import { exec } from "../../src/host/exec.ts";
import { findProgram } from "../../tools/packages.js";

// script(1) makes a pseudo-terminal: what is written to its standard input is typed, what it prints is on the screen.
const missing = ["script", "stty", "tty"].filter((tool) => findProgram(tool) === undefined);

/** Behind that keys which nobody reads have come as far as the terminal, on a busy machine too: nothing tells when. */
const ARRIVED_MS = 500;

let keyboard: ChildProcess;
let screen: string;
let path: string;
let terminal: Console | undefined;

beforeEach(async () => {
  screen = "";
  keyboard = spawn("script", ["-qefc", "tty; exec sleep 60", "/dev/null"], { stdio: ["pipe", "pipe", "ignore"] });
  keyboard.stdout!.setEncoding("utf8").on("data", (text: string) => (screen += text));
  await expect.poll(() => screen).toMatch(/\/dev\/pts\/\d+\r?\n/);
  path = /\/dev\/pts\/\d+/.exec(screen)![0];
  screen = "";
});
afterEach(async () => {
  await terminal?.close();
  terminal = undefined;
  keyboard.kill("SIGKILL");
});

const type = (text: string) => void keyboard.stdin!.write(text);
const modes = async () => (await exec("stty", ["-F", path, "-a"])).stdout;

/** Listens; what was heard so far, and the pieces themselves. */
function hear(on: Console) {
  const heard = { text: "", pieces: [] as Buffer[], stop: () => {} };
  heard.stop = on.listen((bytes) => {
    heard.text += bytes.toString("latin1");
    heard.pieces.push(bytes);
  });
  return heard;
}

describe.skipIf(missing.length > 0)(`a terminal${missing.length > 0 ? ` (skipped, not on this machine: ${missing.join(", ")})` : ""}`, () => {
  test("keys come as bytes, one by one and without echo, signals among them", async () => {
    terminal = openTerminal(path);
    const heard = hear(terminal);
    type("a\x03\x1a\x1c\x13\r\xff");
    await expect.poll(() => Buffer.from(heard.text, "latin1")).toEqual(Buffer.from("a\x03\x1a\x1c\x13\r\xff"));
    expect(screen).toBe("");
  });

  test("what the listener was given is wiped behind it", async () => {
    terminal = openTerminal(path);
    const heard = hear(terminal);
    type("correct horse");
    await expect.poll(() => heard.text).toBe("correct horse");
    expect(heard.pieces.every((piece) => piece.every((byte) => byte === 0))).toBe(true);
  });

  test("keys that nobody listens to wait for the next listener, unless they are discarded", async () => {
    terminal = openTerminal(path);
    hear(terminal).stop();
    type("kept");
    await pause(ARRIVED_MS);
    const heard = hear(terminal);
    await expect.poll(() => heard.text).toBe("kept");
    heard.stop();
    type("dropped");
    await pause(ARRIVED_MS);
    terminal.discard();
    const next = hear(terminal);
    type("new");
    await expect.poll(() => next.text).toBe("new");
  });

  test("keys from before it was opened are dropped", async () => {
    await exec("stty", ["-F", path, "-icanon", "-echo"]);
    type("early");
    await pause(ARRIVED_MS);
    terminal = openTerminal(path);
    const heard = hear(terminal);
    type("late");
    await expect.poll(() => heard.text).toBe("late");
  });

  test("a program that it is lent to has line editing and echo, and a listener hears again behind it", async () => {
    terminal = openTerminal(path);
    const heard = hear(terminal);
    expect(await modes()).toMatch(/-icanon/);
    await terminal.lend(async () => expect(await modes()).toMatch(/ icanon[^]* echo /));
    expect(await modes()).toMatch(/-icanon/);
    type("again");
    await expect.poll(() => heard.text).toBe("again");
    terminal.write("on the screen");
    await expect.poll(() => screen).toBe("on the screen");
  });

  test("it is given back as it was found", async () => {
    const before = await modes();
    terminal = openTerminal(path);
    expect(await modes()).not.toBe(before);
    await terminal.close();
    terminal = undefined;
    expect(await modes()).toBe(before);
  });

  test("one that takes nothing holds up nobody; what was written to it comes when it goes on", async () => {
    terminal = openTerminal(path);
    keyboard.kill("SIGSTOP"); // who reads what is written, as a terminal that was stopped
    terminal.write(`${"x".repeat(1 << 20)}end`);
    expect(await Promise.race([terminal.lend(async () => "lent"), pause(5_000, "held up")])).toBe("lent");
    keyboard.kill("SIGCONT");
    await expect.poll(() => screen.length).toBeGreaterThan(1000);
  });

  test("what was written last is on the screen when it is closed", async () => {
    terminal = openTerminal(path);
    const text = `${"y".repeat(60_000)}the end`;
    terminal.write(text);
    await terminal.close();
    terminal = undefined;
    await expect.poll(() => screen.length).toBe(text.length);
    expect(screen.endsWith("the end")).toBe(true);
  });

  // What a serial line does that is unplugged, or agetty on it: every open file of the terminal is dead then. TIOCSCTTY takes the terminal from script's child.
  const VHANGUP = "import ctypes, fcntl, os, signal, sys, termios\nsignal.signal(signal.SIGHUP, signal.SIG_IGN)\nos.setsid()\nfd = os.open(sys.argv[1], os.O_RDWR)\nfcntl.ioctl(fd, termios.TIOCSCTTY, 1)\nsys.exit(ctypes.CDLL(None).vhangup())";
  const cannotHangUp = findProgram("python3") === undefined || process.getuid?.() !== 0;
  test.skipIf(cannotHangUp)("one that hung up is opened again: keys are heard there, and it shows what is written (skipped without python3 or another user than root)", async () => {
    terminal = openTerminal(path);
    let times = 0;
    terminal.onReopened(() => times++);
    const heard = hear(terminal);
    for (const time of [1, 2]) {
      await exec("python3", ["-c", VHANGUP, path]);
      await expect.poll(() => times, { timeout: 5000 }).toBe(time);
      expect(await modes()).toMatch(/-icanon/);
      type(`key${time}`);
      await expect.poll(() => heard.text).toContain(`key${time}`);
      terminal.write(`shown${time}`);
      await expect.poll(() => screen).toContain(`shown${time}`);
    }
  });

  test("what is no terminal is refused", () => {
    expect(() => openTerminal("/dev/null")).toThrow(/is no terminal/);
  });
});
