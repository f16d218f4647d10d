import { afterEach, describe, expect, test } from "vitest";
import { createTerminal, type Terminal } from "../../../src/host/qemu/terminal.ts";

const open: Terminal[] = [];
const replies: string[] = [];

afterEach(() => {
  for (const terminal of open.splice(0)) terminal.dispose();
  replies.length = 0;
});

function terminal(): Terminal {
  const created = createTerminal((bytes) => replies.push(bytes.toString()));
  open.push(created);
  return created;
}

/** Draws and waits until it is drawn. */
async function draw(target: Terminal, text: string): Promise<void> {
  const end = `end${Math.random().toString(36).slice(2)}`;
  target.write(Buffer.from(`${text}\x1b[s\x1b[24;40H${end}`));
  await target.waitFor(end, { timeoutMs: 5000 });
  target.write(Buffer.from(`\x1b[24;40H${" ".repeat(end.length)}\x1b[u`));
  await new Promise((resolve) => setTimeout(resolve, 30));
}

describe("what stands on the screen", () => {
  test("the screen is 24 rows", async () => {
    const t = terminal();
    await draw(t, "one\r\ntwo");
    expect(t.screen()).toHaveLength(24);
    expect(t.screen().slice(0, 2)).toEqual(["one", "two"]);
  });

  test("an erased line is gone, and what was drawn over it is there", async () => {
    const t = terminal();
    await draw(t, "Passphrase: ****\r\x1b[2KWrong passphrase");
    expect(t.text()).toBe("Wrong passphrase");
  });

  test("a line that wraps at the edge is one line", async () => {
    const t = terminal();
    await draw(t, `${"x".repeat(79)}yz\r\nnext`);
    expect(t.text()).toBe(`${"x".repeat(79)}yz\nnext`);
  });

  test("what scrolled away is still in the text", async () => {
    const t = terminal();
    t.write(Buffer.from(Array.from({ length: 100 }, (_, i) => `line ${i}\r\n`).join("")));
    expect(await t.waitFor("line 99", { timeoutMs: 5000 })).toContain("line 0\n");
    expect(t.screen().join("\n")).not.toContain("line 0\n");
  });
});

describe("waiting", () => {
  test("it ends at once when the text is there already", async () => {
    const t = terminal();
    await draw(t, "login:");
    await expect(t.waitFor(/^login:/m, { timeoutMs: 10 })).resolves.toContain("login:");
  });

  test("it sees text that comes in pieces", async () => {
    const t = terminal();
    const waiting = t.waitFor("Passphrase for /dev/vda2", { timeoutMs: 5000 });
    for (const piece of ["Pass", "phrase for ", "/dev/vda2"]) t.write(Buffer.from(piece));
    await expect(waiting).resolves.toContain("Passphrase for /dev/vda2");
  });

  test("when the time is over it says so", async () => {
    await expect(terminal().waitFor("never", { timeoutMs: 20 })).rejects.toThrow("0.02 s have passed");
  });

  test("a global pattern matches as often as it is asked", async () => {
    const t = terminal();
    await draw(t, "ready");
    const pattern = /ready/g;
    await t.waitFor(pattern, { timeoutMs: 10 });
    await expect(t.waitFor(pattern, { timeoutMs: 10 })).resolves.toBe("ready");
  });

  test("when the guest ends, what it wrote last still counts", async () => {
    const t = terminal();
    await draw(t, "Power down");
    const ended = new AbortController();
    ended.abort(new Error("it ended"));
    await expect(t.waitFor("Power down", { timeoutMs: 5000, signal: ended.signal })).resolves.toContain("Power down");
    await expect(t.waitFor("never", { timeoutMs: 5000, signal: ended.signal })).rejects.toThrow("it ended");
  });
});

describe("behind a mark", () => {
  test("what stood there before is not seen again", async () => {
    const t = terminal();
    await draw(t, "Passphrase for /dev/vda2: ");
    t.mark();
    await expect(t.waitFor("Passphrase", { timeoutMs: 20 })).rejects.toThrow();
    await draw(t, "\r\nPassphrase for /dev/vda2: ");
    await expect(t.waitFor("Passphrase", { timeoutMs: 1000 })).resolves.toContain("Passphrase");
  });

  test("a row that grew shows its new end only", async () => {
    const t = terminal();
    await draw(t, "Passphrase: ");
    t.mark();
    await draw(t, "***");
    expect(t.recent().trim()).toBe("***");
  });

  test("a row above that was redrawn is seen", async () => {
    const t = terminal();
    await draw(t, "attempt 1 of 3\r\nPassphrase: ");
    t.mark();
    await draw(t, "\x1b[A\x1b[2K\rattempt 2 of 3\x1b[B\r");
    expect(t.recent().trim()).toBe("attempt 2 of 3");
  });

  test("a prompt that went away and is drawn again in the same place is seen again", async () => {
    const t = terminal();
    await draw(t, "Passphrase for /dev/vda2");
    t.mark();
    await draw(t, "\r\x1b[2KTrying it");
    await t.waitFor("Trying", { timeoutMs: 1000 });
    await draw(t, "\r\x1b[2KPassphrase for /dev/vda2");
    await expect(t.waitFor("Passphrase for", { timeoutMs: 1000 })).resolves.toContain("Passphrase for");
  });

  test("it stays where it was when the screen scrolls", async () => {
    const t = terminal();
    await draw(t, "before\r\n");
    t.mark();
    await draw(t, Array.from({ length: 60 }, (_, i) => `after ${i}\r\n`).join(""));
    expect(t.recent()).not.toContain("before");
    expect(t.recent()).toContain("after 0\n");
  });

  test("a reset forgets it", async () => {
    const t = terminal();
    await draw(t, "old");
    t.mark();
    t.reset();
    await draw(t, "old");
    expect(t.recent()).toBe("old");
  });
});

test("a query for the cursor's position is answered", async () => {
  await draw(terminal(), "abc\x1b[6n");
  expect(replies).toContain("\x1b[1;4R");
});
