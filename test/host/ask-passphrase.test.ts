import { PassThrough } from "node:stream";
import type { ReadStream } from "node:tty";
import { describe, expect, test } from "vitest";
import { askPassphrase } from "../../src/host/ask-passphrase.ts";

/** A terminal whose keys a test presses; it keeps what was shown, and whether it was raw. */
function terminal() {
  const shown: string[] = [];
  const raw: boolean[] = [];
  const stream = new PassThrough();
  const input = Object.assign(stream, { setRawMode: (mode: boolean) => (raw.push(mode), stream) }) as unknown as ReadStream;
  return { stream, shown, raw, terminal: { input, output: { write: (text: string) => shown.push(text) } } };
}

const press = async (...keys: (string | Buffer)[]) => {
  const { raw, shown, stream, terminal: person } = terminal();
  const asking = askPassphrase("Passphrase for disk\x1b[2J", person);
  const bytes = keys.map((key) => Buffer.from(key));
  for (const each of bytes) stream.write(each);
  const answer = await asking;
  return { answer: answer?.toString("latin1"), bytes, raw, shown };
};

describe("what is typed", () => {
  test.each([
    { what: "a line", keys: ["correct horse\r"], answer: "correct horse" },
    { what: "in pieces, and a line feed", keys: ["corr", "ect", "\n"], answer: "correct" },
    { what: "an empty line", keys: ["\r"], answer: "" },
    { what: "Backspace", keys: ["ab\x7fc\x08d\r"], answer: "ad" },
    { what: "Backspace over a character of several bytes", keys: ["aü€\x7f\x7fb\r"], answer: "ab" },
    { what: "Backspace at the beginning", keys: ["\x7f\x7fa\r"], answer: "a" },
    { what: "Ctrl-U", keys: ["wrong\x15right\r"], answer: "right" },
    { what: "bytes that are no text", keys: [Buffer.from([0xff, 0x00, 0x80, 0x0d])], answer: "\xff\x00\x80" },
    { what: "an arrow key", keys: ["a", "\x1b[D", "b\r"], answer: "ab" },
    { what: "Escape", keys: ["abc", "\x1b"], answer: undefined },
    { what: "Ctrl-D on an empty line", keys: ["\x04"], answer: undefined },
    { what: "Ctrl-D behind something is a byte of it", keys: ["a\x04\r"], answer: "a\x04" },
  ])("$what", async ({ answer, keys }) => {
    expect((await press(...keys)).answer).toBe(answer);
  });

  test("is not shown, and wiped in what it came in; the terminal is as it was", async () => {
    const { bytes, raw, shown } = await press("sec", "ret\r");
    expect([shown, raw]).toEqual([["Passphrase for disk?[2J: ", "\n"], [true, false]]);
    expect(Buffer.concat(bytes)).toEqual(Buffer.alloc(7));
  });
});

test.each([
  { what: "Ctrl-C", keys: "abc\x03", found: /asking for a passphrase on this terminal: Ctrl-C/ },
])("$what ends it, and the terminal is as it was", async ({ found, keys }) => {
  const { raw, stream, terminal: person } = terminal();
  const asking = askPassphrase("?", person);
  stream.write(keys);
  await expect(asking).rejects.toThrow(found);
  expect(raw).toEqual([true, false]);
});

test("more than 512 bytes are taken to the line's end, and asked for again", async () => {
  const { answer, bytes, shown } = await press("x".repeat(500), "y".repeat(400), "z\rhorse\r");
  expect(answer).toBe("horse");
  expect(shown).toEqual(["Passphrase for disk?[2J: ", "\nIt is longer than 512 bytes, which no passphrase is.\nPassphrase for disk?[2J: ", "\n"]);
  expect(Buffer.concat(bytes).every((byte) => byte === 0)).toBe(true);
});

test("a terminal that goes away ends it", async () => {
  const { stream, terminal: person } = terminal();
  const asking = askPassphrase("?", person);
  stream.end();
  await expect(asking).rejects.toThrow(/the terminal is gone/);
});
