import { afterEach, expect, test } from "vitest";
import { createScreen, type Screen } from "../../../src/boot/tui/screen.ts";
import { createDesk, wiped } from "./desk.ts";

let screens: Screen[] = [];
afterEach(async () => {
  for (const screen of screens) await screen.close();
  screens = [];
});

function open(options: { columns?: number; rows?: number; isDumb?: boolean; answers?: boolean } = {}, more: { plain?: boolean } = {}) {
  const desk = createDesk(options);
  const prompts: number[] = [];
  const screen = createScreen({ terminals: [desk.terminal], onPrompt: () => prompts.push(1), ...more });
  screens.push(screen);
  return { ...desk, view: screen, prompts };
}

const question = { volume: "/dev/vda2", label: "cryptlvm" };
const never = () => new Promise<boolean>(() => {});

test("the answer is what was typed, in a buffer of its own; the pieces of it are wiped, and it never stands on the screen", async () => {
  const { view, shows, type, given, raw, prompts } = open();
  const answer = view.passphrase(question);
  await shows("Passphrase for /dev/vda2 (cryptlvm)");
  type("correct ");
  await shows(/> \*{8}_ /);
  type("horse\r");
  const secret = await answer;
  expect(secret.toString()).toBe("correct horse");
  expect(secret.buffer.byteLength).toBe(secret.length); // no pool that others read
  expect(wiped(given)).toBe(true);
  expect(prompts).toEqual([1]);
  expect(raw()).not.toContain("horse");
});

test("a volume is asked for until its passphrase fits; what was wrong is said and counted, and every one is wiped", async () => {
  const { view, shows, type } = open();
  const tried: Buffer[] = [];
  const texts: string[] = [];
  const outcome = view.unlock({ ...question, attempts: 3 }, async (passphrase) => {
    tried.push(passphrase);
    texts.push(passphrase.toString());
    return passphrase.toString() === "right";
  });
  await shows("Passphrase for");
  type("wrong\r");
  await shows(/Wrong passphrase: it opens no keyslot\. Attempt 2 of 3\./);
  type("right\r");
  await expect(outcome).resolves.toBe("opened");
  expect(texts).toEqual(["wrong", "right"]);
  expect(wiped(tried)).toBe(true);
});

test("bytes that are no character are a passphrase as others are: wrong, counted, and wiped", async () => {
  const { view, shows, type, given } = open();
  const tried: string[] = [];
  const outcome = view.unlock({ ...question, attempts: 2 }, async (passphrase) => {
    tried.push(passphrase.toString("hex"));
    return false;
  });
  await shows(/> _/);
  type(Buffer.from([0x80, 0xbf, 0x0d])); // line noise: not one byte begins a character
  await shows(/Attempt 2 of 2/);
  type(Buffer.from([0x80, 0x0d]));
  await expect(outcome).resolves.toBe("exhausted");
  expect(tried).toEqual(["80bf", "80"]);
  expect(wiped(given)).toBe(true);
});

test("after the last attempt nobody is asked any more", async () => {
  const { view, type } = open();
  type("a\rb\r");
  await expect(view.unlock({ ...question, attempts: 2 }, async () => false)).resolves.toBe("exhausted");
});

test("while the key is derived that is said, and nothing is asked", async () => {
  const { view, shows, screen, type } = open();
  void view.unlock({ ...question, attempts: 3 }, never);
  type("x\r");
  await shows("Trying the passphrase on /dev/vda2 (cryptlvm)");
  expect(screen()).not.toContain("Passphrase for");
});

test("what opened one volume is tried on the next before anybody is asked, and forgotten when all are open", async () => {
  const { view, shows, type, screen } = open();
  type("one\r");
  await view.unlock({ ...question, attempts: 3 }, async () => true);
  const tried: [string, number][] = [];
  const second = view.unlock({ volume: "/dev/vdb", attempts: 3 }, async (passphrase, { number }) => tried.push([passphrase.toString(), number]) > 1);
  await shows("Passphrase for /dev/vdb");
  type("two\r");
  await expect(second).resolves.toBe("opened");
  expect(tried).toEqual([["one", 0], ["two", 1]]);
  view.forget();
  void view.unlock({ volume: "/dev/vdc", attempts: 3 }, () => Promise.reject(new Error("a forgotten passphrase was tried"))).catch(() => {});
  await shows("Passphrase for /dev/vdc");
  expect(screen()).not.toContain("Wrong");
});

test("a question is taken away when its signal says so: nothing asks, and what was typed is wiped", async () => {
  const { view, shows, hides, type, given } = open();
  const found = new AbortController();
  const outcome = view.unlock({ ...question, attempts: 3, signal: found.signal }, never);
  await shows("Passphrase for");
  type("half");
  found.abort();
  await expect(outcome).resolves.toBe("withdrawn");
  await hides(/Passphrase for/);
  expect(wiped(given)).toBe(true);
});

test("a question that is taken away does not wait for its turn behind another", async () => {
  const { view, shows } = open();
  view.unlock({ ...question, attempts: 3 }, never).catch(() => {});
  const found = new AbortController();
  const second = view.unlock({ volume: "/dev/vdb", attempts: 3, signal: found.signal }, never);
  await shows("Passphrase for /dev/vda2");
  found.abort();
  await expect(second).resolves.toBe("withdrawn");
});

test("a passphrase that was tried when something else had opened the volume is not remembered", async () => {
  const { view, shows, type } = open();
  const found = new AbortController();
  type("one\r");
  await expect(view.unlock({ ...question, attempts: 3, signal: found.signal }, async () => (found.abort(), true))).resolves.toBe("withdrawn");
  view.unlock({ volume: "/dev/vdb", attempts: 3 }, () => Promise.reject(new Error("it was tried"))).catch(() => {});
  await shows("Passphrase for /dev/vdb");
});

test("nothing is asked for a boot that has ended, but for what its menu asks", async () => {
  const { view, shows } = open();
  const open_ = view.passphrase(question);
  view.cancel();
  await expect(open_).rejects.toThrow(/the boot has ended/);
  await expect(view.unlock({ ...question, attempts: 3 }, async () => true)).rejects.toThrow(/the boot has ended/);
  view.ask({ kind: "choice", title: "What now?", items: [{ key: "r", text: "retry" }], back: false }).catch(() => {});
  await shows(/What now\?/);
});

test("what is typed behind an Enter answers the next question, and not the one after it", async () => {
  const { view, type, given, isRead } = open();
  const [first, second] = [view.passphrase(question), view.passphrase(question)];
  type("one\rtwo\rth");
  expect([(await first).toString(), (await second).toString()]).toEqual(["one", "two"]);
  const third = view.passphrase(question);
  await expect.poll(isRead).toBe(true);
  type("ree\r");
  expect((await third).toString()).toBe("three");
  expect(wiped(given)).toBe(true);
});

test("questions wait for each other", async () => {
  const { view, shows, screen, type } = open();
  const first = view.passphrase(question);
  const second = view.passphrase({ volume: "/dev/vdb" });
  await shows("Passphrase for /dev/vda2");
  expect(screen()).not.toContain("/dev/vdb");
  type("a\r");
  await first;
  await shows("Passphrase for /dev/vdb");
  type("b\r");
  await second;
});

test("a boot that ends while a question is open ends the question: nobody listens, nothing that was typed is left", async () => {
  const { view, type, given, isRead, raw } = open();
  const outcome = Promise.allSettled([view.passphrase(question), view.passphrase(question)]);
  await expect.poll(isRead).toBe(true);
  type("half");
  await view.close();
  for (const { status } of await outcome) expect(status).toBe("rejected");
  await expect(view.passphrase(question)).rejects.toThrow(/asking at the console on Passphrase for \/dev\/vda2 .*: the boot has ended/);
  expect(isRead()).toBe(false);
  expect(wiped(given)).toBe(true);
  const { length } = raw();
  view.showWaiting("Waiting");
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(raw().length).toBe(length);
});

test("what a disk calls itself reaches the screen without control characters", async () => {
  const { view, shows } = open();
  view.showWaiting("Waiting for \x1b[31mLABEL");
  await shows(/Waiting for \?\[31mLABEL/);
  view.passphrase({ volume: "/dev/vda2", label: "a\x1b]0;evil\x07\nb" }).catch(() => {});
  await shows(/\(a\?\]0;evil\?\?b\)/);
});

test("lines are written as they come until something changes in place, and again after the screen was left", async () => {
  const { view, shows, raw, text } = open();
  view.print("first");
  expect(raw()).toBe("first\n");
  view.showWaiting("Waiting for it");
  await shows("Waiting for it");
  view.print("second");
  await shows("second");
  await view.leave(async () => {
    const before = raw().length;
    view.print("third");
    expect(raw().slice(before)).toBe("third\n");
  });
  await expect.poll(text).toMatch(/first\n[^]*second\n[^]*third\n[^]*Waiting for it/);
});

test("the terminal is left with its cursor, and with nothing of the views", async () => {
  const { view, shows, hides, raw } = open();
  view.print("a line that stays");
  view.show({ quiet: false, header: ["Linux 6.1"] });
  view.passphrase(question).catch(() => {});
  await shows("Passphrase for");
  await view.close();
  await hides(/Passphrase|Linux|[│└]/);
  expect(raw().lastIndexOf("\x1b[?25h")).toBeGreaterThan(raw().lastIndexOf("\x1b[?25l"));
});

test("without a console nobody can be asked", async () => {
  const view = createScreen({ terminals: [] });
  await expect(view.passphrase(question)).rejects.toThrow(/no console/);
  await expect(view.unlock({ ...question, attempts: 1 }, async () => true)).rejects.toThrow(/no console/);
  await expect(view.confirm(confirmation)).rejects.toThrow(/no console/);
  await expect(view.leave(async () => 7)).resolves.toBe(7);
});

const confirmation = { text: "Start vg/lv without it?", reasons: ["vg/lv lacks a physical volume."], yes: "starts it", no: "stops" };

test.each([
  { typed: ["y"], answer: true },
  { typed: ["Y"], answer: true },
  { typed: ["N"], answer: false },
  { typed: ["\r", " ", "x\rn"], answer: false },
  { typed: ["\x1b[0n", "y"], answer: true }, // a terminal's reply to a status query
  { typed: ["\x1b", "[0", "n", "y"], answer: true },
  { typed: ["\x1bOy", "n"], answer: false }, // a key of the keypad
])("a yes-or-no question stands there with its reasons until it is answered: $typed is $answer", async ({ typed, answer }) => {
  const { view, shows, type, isRead } = open();
  const answered = view.confirm(confirmation);
  await shows(/vg\/lv lacks a physical volume\.[^]*Start vg\/lv without it\?[^]*y starts it, n stops/);
  await expect.poll(isRead).toBe(true);
  for (const keys of typed) type(keys);
  expect(await answered).toBe(answer);
  expect(isRead()).toBe(false);
});

test("what is typed during a wait is for the passphrase that comes next, whole, and shown nowhere", async () => {
  const { view, shows, type, isRead, raw, given } = open();
  view.showWaiting("Waiting for it");
  await expect.poll(isRead).toBe(true);
  type("ear\x1b[Aly");
  type(" horse\rrest");
  view.showWaiting(undefined);
  expect(String(await view.passphrase(question))).toBe("early horse");
  const second = view.passphrase(question);
  await shows(/> \*{4}_/);
  type("\r");
  expect(String(await second)).toBe("rest");
  expect(raw()).not.toMatch(/early|rest/);
  expect(wiped(given)).toBe(true);
});

test("what was typed ahead for a passphrase does not answer a yes-or-no question", async () => {
  const { view, shows, type, isRead } = open();
  const [secret, answer] = [view.passphrase(question), view.confirm(confirmation)];
  await expect.poll(isRead).toBe(true);
  type("one\ryyy");
  await secret;
  await shows(/y starts it/);
  await expect.poll(isRead).toBe(true);
  type("n");
  expect(await answer).toBe(false);
});

test("Tab shows what is typed, as far as a terminal may have it, and hides it again; it is gone from the screen with the question", async () => {
  const { view, shows, screen, type, raw } = open();
  const answer = view.passphrase(question);
  await shows("Passphrase for");
  type("dü\x80\u0085x\t");
  await shows(/> dü\?\?x_ /);
  type("!");
  await shows(/> dü\?\?x!_ /);
  type("\t");
  await shows(/> \*{6}_ /);
  expect(screen()).toContain("Tab shows");
  type("\t");
  await shows(/> dü/);
  type("\r");
  await answer;
  await expect.poll(screen).not.toMatch(/dü/);
  expect(raw()).not.toContain("\u0085");
});

test("a passphrase that is shown goes nowhere but into its own row, whatever is printed meanwhile", async () => {
  const { view, shows, hides, type, text } = open();
  view.show({ quiet: false, header: ["Linux"] });
  const answer = view.passphrase(question);
  await shows("Passphrase for");
  type("correct\t");
  await shows(/> correct_ /);
  for (let line = 0; line < 40; line++) {
    view.print(`a message of the kernel, number ${line}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  await shows(/number 39[^]*> correct_ /);
  type("\r");
  await answer;
  await hides(/correct/);
  expect(text()).not.toContain("correct");
});

test("what a person types as if it were the terminal's answer changes nothing", async () => {
  const { view, shows, type } = open();
  const answer = view.passphrase(question);
  await shows(/> _/);
  await new Promise((resolve) => setTimeout(resolve, 50));
  type("a\x1b[9999;9999Rb\x1b[3;7Rc");
  await shows(/^┌─{64}┐\n[^]*> \*{3}_/m);
  type("\r");
  expect(String(await answer)).toBe("abc");
});

test("control characters choose nothing from a menu", async () => {
  const { view, shows, type, isRead } = open();
  const choice = view.ask({ kind: "choice", title: "Which?", items: [{ key: "1", text: "one" }, { key: "r", text: "retry" }], back: false });
  await shows(/Choose: _/);
  await expect.poll(isRead).toBe(true);
  type("\x11\x13\x12R");
  expect((await choice)?.answer).toBe(1);
});

test.each([
  ["100 KB", Buffer.alloc(100_000, 0x61), 4096],
  ["control characters", Buffer.from("a\x00\x01\x03\x04\x1a\x1c\x0bb"), 2],
  ["escape sequences", Buffer.from("a\x1b[31m\x1b[2J\x1b[999;999H\x1b[6n\x1bOPb"), 2],
  ["bytes that are no UTF-8", Buffer.from([0xff, 0xc3, 0x28, 0x80]), 4],
])("a paste of %s does no harm", async (_what, paste, bytes) => {
  const { view, shows, type } = open();
  const answer = view.passphrase(question);
  await shows("Passphrase for");
  type(paste);
  await shows(/> \*+_? /);
  type("\r");
  expect((await answer).length).toBe(bytes);
});

test("Escape alone is heard at a prompt and during a wait; the prompt comes back as it was asked, without what was typed", async () => {
  const { view, shows, hides, type, isRead } = open();
  let escapes = 0;
  view.onEscape(() => escapes++);
  view.showWaiting("Waiting for it");
  await expect.poll(isRead).toBe(true);
  type("x\x1b");
  await expect.poll(() => escapes).toBe(1);
  view.showWaiting(undefined);
  const answer = view.passphrase(question);
  await shows("Passphrase for");
  type("typed\x1b[A\x1b");
  await expect.poll(() => escapes).toBe(2);
  const choice = view.ask({ kind: "choice", title: "Menu", items: [{ key: "r", text: "retry" }], back: true });
  await shows(/Menu[^]*r {2}retry[^]*Choose: \(Esc goes back\) _/);
  type("\x1b");
  await expect(choice).resolves.toMatchObject({ answer: undefined });
  await hides(/Menu/);
  await shows(/Passphrase for[^]*> _/);
  type("again\r");
  expect((await answer).toString()).toBe("again");
});

test("a menu is chosen from by letters, or by arrow keys and Enter; Enter alone chooses nothing", async () => {
  const { view, shows, type, isRead } = open();
  const items = ["retry", "log", "off"].map((text) => ({ key: text[0]!, text }));
  const menu = () => view.ask({ kind: "choice", title: "What now?", items, back: false });
  const first = menu();
  await shows(/Choose: _/);
  type("\r\r\x1bqL");
  expect((await first)?.answer).toBe(1);
  const second = menu();
  await expect.poll(isRead).toBe(true);
  type("\x1b[B\x1b[B");
  await shows(/> l {2}log/);
  type("\x1b[B\x1b[B\r");
  expect((await second)?.answer).toBe(2);
});

test("between a menu and the page that it leads to, the prompt below them is not seen", async () => {
  const { view, shows, type, raw } = open();
  const answer = view.passphrase(question);
  await shows(/Passphrase for/);
  const chosen = view.ask({ kind: "choice", title: "Menu", items: [{ key: "l", text: "show the log" }], back: true }).then(() => view.read("The log", ["one line"]));
  await shows(/Choose: .*_/);
  const before = raw().length;
  type("l");
  await shows(/The log[^]*one line[^]*goes back/);
  expect(raw().slice(before)).not.toContain("Passphrase");
  type("q");
  await chosen;
  await shows(/Passphrase for[^]*> _/);
  type("x\r");
  await answer;
});

test("a line of text is edited in place, and Escape gives it up", async () => {
  const { view, shows, type } = open();
  const edit = () => view.ask({ kind: "text", title: "The realroot", text: "local:auto:/dev/vda1", hints: [] });
  const first = edit();
  await shows(/local:auto:\/dev\/vda1/);
  type("\x7f2\x1b[H\x1b[3~L\x05,ro");
  await shows(/Local:auto:\/dev\/vda2,ro/);
  type("\r");
  expect((await first)?.answer).toBe("Local:auto:/dev/vda2,ro");
  const second = edit();
  await shows(/local:auto/);
  type("\x15\x1b");
  expect((await second)?.answer).toBeUndefined();
});

test("a page is read from its end, by lines and by screens", async () => {
  const { view, shows, type } = open({ rows: 12 });
  const page = view.ask({ kind: "page", title: "The log", lines: Array.from({ length: 20 }, (_, index) => `line ${index + 1}`) });
  await shows(/lines 15 to 20 of 20[^]*line 20/);
  type("\x1b[A");
  await shows(/lines 14 to 19/);
  type("\x1b[5~\x1b[5~\x1b[5~");
  await shows(/lines 1 to 6/);
  type(" ");
  await shows(/lines 7 to 12/);
  type("q");
  await page;
});

test("with quiet there is nothing but the prompt; without, how far the boot is and what is there", async () => {
  const { view, shows, screen } = open();
  const what = {
    header: ["Linux 6.1.0", "image 0123"], volumes: ["/dev/vda  1 GiB", "└─/dev/vda1  1 GiB  crypto_LUKS"],
    stages: [{ name: "crypt /dev/vda1", state: "key needed" as const }, { name: "lvm vg/root", state: "waits" as const }],
  };
  view.show({ quiet: true, ...what });
  view.passphrase(question).catch(() => {});
  await shows("Passphrase for");
  expect(screen()).not.toMatch(/Linux|crypt \/dev|GiB/);
  view.show({ quiet: false });
  await shows(/mkinitrd {2}Linux 6\.1\.0 {2}image 0123\n \? crypt \/dev\/vda1: key needed\n - lvm vg\/root: waits\n\n \/dev\/vda {2}1 GiB\n └─\/dev\/vda1 {2}1 GiB {2}crypto_LUKS\n[^]*Passphrase for/);
});

const MANY = {
  quiet: false, header: ["Linux 6.1.0-56-cloud-amd64", "image 6f8109764b66"],
  stages: ["crypt UUID=7a4d6f1e-1a55-4f0e-9a6c-2b1f6d3c8e04", "lvm vg00/lv0"].map((name) => ({ name, state: "waits" as const })),
  volumes: Array.from({ length: 40 }, (_, index) => `/dev/sd${index}  a volume with a long name and a long label behind it`),
};

test.each([
  { columns: 80, rows: 24 },
  { columns: 40, rows: 12 },
  { columns: 40, rows: 24 },
  { columns: 132, rows: 43 },
])("on $columns×$rows everything fits: the prompt is whole and at the bottom, and nothing scrolls", async ({ columns, rows }) => {
  const { view, shows, screen, type, text } = open({ columns, rows });
  view.show(MANY);
  const answer = view.unlock({ volume: "/dev/disk", label: "a label", attempts: 3 }, async (passphrase) => passphrase.length === 3);
  await shows("Passphrase for /dev/disk (a label)");
  expect(screen()).toContain("mkinitrd  Linux");
  type("wrong\r");
  await shows(/Attempt 2/);
  await shows(/> _/);
  expect(screen().split("\n").length).toBeLessThan(rows);
  expect(text().trim()).toBe(screen().trim()); // nothing has scrolled away
  type("a".repeat(200));
  await shows(/> \*+_? +│\n└─+┘$/);
  type("\x15abc\r");
  await expect(answer).resolves.toBe("opened");
});

test("a screen that changes its size is drawn anew", async () => {
  const { view, shows, screen, resize } = open();
  view.show(MANY);
  view.passphrase(question).catch(() => {});
  await shows(/and \d+ more[^]*Passphrase for/);
  resize(50, 14);
  await shows(/^┌─{48}┐$/m);
  expect(screen()).toContain("Passphrase for /dev/vda2 (cryptlvm)");
  expect(screen().split("\n").length).toBeLessThan(14);
  resize(80, 24);
  await shows(/^┌─{64}┐$/m);
});

test("five rows of twenty columns have room for the question and what is typed, and for a menu an item at a time", async () => {
  const { view, shows, type } = open({ columns: 20, rows: 5 });
  view.show(MANY);
  const opened = view.unlock({ ...question, attempts: 3 }, async (passphrase) => passphrase.toString() === "right");
  await shows(/^Passphrase for ?\n\/dev\/vda2 \(cryptlvm\)\n> _$/);
  type("wrong");
  await shows(/> \*{5}_$/);
  type("\r");
  await shows(/^Passphrase for ?\n\/dev\/vda2 \(cryptlvm\)\n….*2 of 3\.\n> _$/);
  type("right\r");
  await expect(opened).resolves.toBe("opened");
  const items = ["retry", "log", "off"].map((text) => ({ key: text[0]!, text }));
  const menu = view.ask({ kind: "choice", title: "What now?", items, back: false });
  await shows(/^What now\?\n {2}r {2}retry\nChoose: _$/);
  type("\x1b[B\x1b[B");
  await shows(/^What now\?\n> l {2}log\nChoose: _$/);
  type("o");
  expect((await menu)?.answer).toBe(2);
});

test("a serial line says how large its terminal is; an answer that is late reaches nobody behind us", async () => {
  const { view, shows, type, raw, isRead } = open({ answers: false });
  view.passphrase(question).catch(() => {});
  await shows("Passphrase for");
  await expect.poll(isRead).toBe(true);
  expect(raw().split("\x1b[6n").length).toBe(2);
  type("ab\x1b[24;50Rc");
  await shows(/^┌─{48}┐$/m);
  await shows(/> \*{3}_/);
  const choice = view.ask({ kind: "choice", title: "Menu", items: [{ key: "s", text: "shell" }], back: true });
  await shows(/Choose:/);
  await expect.poll(() => raw().split("\x1b[6n").length).toBe(3);
  type("s");
  await choice;
  const left = view.leave(async () => isRead());
  await expect.poll(isRead).toBe(true);
  type("\x1b[24;80R");
  expect(await left).toBe(false);
});

test("a line that nobody answers on is asked once, and holds up nothing for long", async () => {
  const { view, shows, type, raw } = open({ answers: false });
  for (const text of ["a", "b", "c"]) {
    const answer = view.passphrase(question);
    await shows(/Passphrase for[^]*> _/);
    if (text === "a") await new Promise((resolve) => setTimeout(resolve, 1100));
    type(`${text}\r`);
    await answer;
  }
  expect(raw().split("\x1b[6n").length).toBe(2);
});

test("on a dumb terminal the log that a menu leads to ends the menu, and a prompt stands once behind it", async () => {
  const { view, shows, type, text } = open({ isDumb: true });
  view.passphrase(question).catch(() => {});
  await shows(/Passphrase for .*:$/);
  const menu = view.ask({ kind: "choice", title: "Menu", items: [{ key: "l", text: "show the log" }], back: true }).then(() => view.read("The log", ["the only line"]));
  await shows(/Choose:$/);
  type("l");
  await menu;
  await shows(/the only line\nPassphrase for .*:$/);
  expect(text().split("Choose:").length).toBe(2);
});

test("on a dumb terminal a line that is being edited stands again behind a line of the log", async () => {
  const { view, shows, type } = open({ isDumb: true });
  const edited = view.ask({ kind: "text", title: "The realroot of this boot", text: "local:ext4:/dev/v", hints: [] });
  await shows(/> local:ext4:\/dev\/v$/);
  type("d");
  await shows(/> local:ext4:\/dev\/vd$/);
  view.print("a line of the log");
  await shows(/a line of the log\n\nThe realroot of this boot\n> local:ext4:\/dev\/vd$/);
  type("a\r");
  expect((await edited)?.answer).toBe("local:ext4:/dev/vda");
});

test("a dumb terminal gets lines of text, and no escape sequence", async () => {
  const { view, shows, type, raw } = open({ isDumb: true });
  const outcome = view.unlock({ ...question, attempts: 3 }, async (passphrase) => passphrase.toString() === "right");
  await shows(/^Passphrase for \/dev\/vda2 \(cryptlvm\):/);
  type("wrong\r");
  await shows(/Trying the passphrase on \/dev\/vda2 \(cryptlvm\)\nWrong passphrase: it opens no keyslot\. Attempt 2 of 3\.\nPassphrase for/);
  type("right\r");
  await outcome;
  const choice = view.ask({ kind: "choice", title: "What now?", items: [{ key: "r", text: "retry" }], back: false });
  await shows(/What now\?\n {2}r {2}retry\nChoose:$/);
  type("r");
  await choice;
  expect(raw()).not.toMatch(/\x1b|\*/);
});
