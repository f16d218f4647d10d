import { expect, test } from "vitest";
import { createScreen } from "../../../src/boot/tui/screen.ts";
import { createDesk, wiped } from "./desk.ts";

function openTwo() {
  const [serial, vga] = [createDesk(), createDesk({ name: "/dev/tty0", rows: 25 })];
  return { serial, vga, screen: createScreen({ terminals: [serial.terminal, vga.terminal] }) };
}

test("all consoles ask; the first answer counts, the others follow, and what was half typed there is wiped", async () => {
  const { serial, vga, screen } = openTwo();
  const answer = screen.passphrase({ volume: "/dev/vda2" });
  await serial.shows("Passphrase for /dev/vda2");
  await vga.shows("Passphrase for /dev/vda2");
  serial.type("half");
  await serial.shows(/> \*{4}_/);
  expect(vga.screen()).toMatch(/> _/);
  vga.type("whole\r");
  expect((await answer).toString()).toBe("whole");
  await serial.hides(/Passphrase/);
  await vga.hides(/Passphrase/);
  expect(wiped([...serial.given, ...vga.given])).toBe(true);
  await screen.close();
});

test("either console may answer the next question", async () => {
  const { serial, vga, screen } = openTwo();
  for (const desk of [serial, vga, serial]) {
    const answer = screen.passphrase({ volume: "/dev/vda2" });
    await serial.shows("Passphrase for");
    await vga.shows("Passphrase for");
    desk.type("x\r");
    expect((await answer).length).toBe(1);
    await serial.hides(/Passphrase for/);
    await vga.hides(/Passphrase for/);
  }
  await screen.close();
});

test("a menu says on which console it was chosen", async () => {
  const { vga, screen } = openTwo();
  const choice = screen.ask({ kind: "choice", title: "What now?", items: [{ key: "s", text: "shell" }], back: false });
  await vga.shows(/Choose: _/);
  vga.type("s");
  expect(await choice).toEqual({ answer: 0, at: vga.terminal });
  await screen.close();
});

test("a key on any console is a key", async () => {
  const { serial, vga, screen } = openTwo();
  const pressed = screen.keyPressed("reboot in 20 s", 20_000);
  await serial.shows("reboot in 20 s");
  serial.type("\x1b[24;80R\0\x1b[?1;2c"); // what a terminal answers, and a break
  await new Promise((done) => setTimeout(done, 100));
  expect(await Promise.race([pressed, Promise.resolve("none yet")])).toBe("none yet");
  vga.type("\x1b[A");
  expect(await pressed).toBe(true);
  expect(await screen.keyPressed("reboot in 0 s", 20)).toBe(false);
  await screen.close();
});

test.each([false, true])("behind a line that hung up the question stands anew, and of what was half typed nothing is left (dumb: %s)", async (isDumb) => {
  const serial = createDesk({ isDumb });
  const screen = createScreen({ terminals: [serial.terminal] });
  const answer = screen.passphrase({ volume: "/dev/vda2" });
  await serial.shows("Passphrase for /dev/vda2");
  serial.type("half");
  await expect.poll(() => serial.given.length).toBeGreaterThan(0);
  serial.hangUp();
  await serial.shows("Passphrase for /dev/vda2");
  serial.type("whole\r");
  expect((await answer).toString()).toBe("whole");
  expect(wiped(serial.given)).toBe(true);
  await screen.close();
});

test("a console that is lent when its line hangs up is drawn on only when it is back", async () => {
  const serial = createDesk();
  const screen = createScreen({ terminals: [serial.terminal] });
  const answer = screen.passphrase({ volume: "/dev/vda2" });
  await serial.shows("Passphrase for /dev/vda2");
  await screen.leave(async () => {
    serial.hangUp();
    await new Promise((done) => setTimeout(done, 100));
    expect(serial.screen()).toBe("");
  });
  await serial.shows("Passphrase for /dev/vda2");
  serial.type("x\r");
  expect((await answer).length).toBe(1);
  await screen.close();
});
