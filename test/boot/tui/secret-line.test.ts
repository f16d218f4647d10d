import fc from "fast-check";
import { expect, test } from "vitest";
import { createSecretLine, MAX_SECRET_BYTES } from "../../../src/boot/tui/secret-line.ts";

function typed(...pieces: (string | number[])[]): string {
  const line = createSecretLine();
  for (const piece of pieces) line.feed(Buffer.from(piece as string));
  return line.take().toString();
}

test.each([
  { keys: ["correct horse\r"], secret: "correct horse" },
  { keys: ["abc\x7f\bX\n"], secret: "aX" },
  { keys: ["wrong\x15right\r"], secret: "right" },
  { keys: ["one two three\x17\r"], secret: "one two " },
  { keys: ["a\x1b[Ab\x1bOPc\x1b[200~d\x1b[201~\r"], secret: "abcd" },
  { keys: ["ein Schl\u00fc\x7fu\r"], secret: "ein Schlu" },
  { keys: ["€\x7f\x7f\r"], secret: "" },
  { keys: ["\x03\x04\x1aabc\r"], secret: "abc" },
])("$keys gives $secret", ({ keys, secret }) => {
  expect(typed(...keys)).toBe(secret);
});

test("Enter on an empty line is no answer", () => {
  const line = createSecretLine();
  line.feed(Buffer.from("\r\na\x7f\r"));
  expect(line.done).toBe(false);
  line.feed(Buffer.from("b\r"));
  expect(line.done).toBe(true);
});

test("an escape sequence that comes in pieces does nothing either", () => {
  expect(typed("a\x1b", "[1", ";5", "Cb\r")).toBe("ab");
});

test("characters are counted, not bytes", () => {
  const line = createSecretLine();
  line.feed(Buffer.from("aü€😀"));
  expect(line.count).toBe(4);
});

test("what comes behind the line end is left alone", () => {
  const line = createSecretLine();
  const bytes = Buffer.from("first\rsecond");
  expect(line.feed(bytes)).toBe(6);
  expect(line.done).toBe(true);
  expect(bytes.toString()).toBe("\0\0\0\0\0\0second");
});

test("more than fits is dropped, not written past the end", () => {
  const line = createSecretLine();
  line.feed(Buffer.alloc(100_000, 0x61));
  expect(line.take().length).toBe(MAX_SECRET_BYTES);
});

test("any bytes: those taken are wiped, and the line is empty after it was taken", () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 64 }), { maxLength: 20 }), (pieces) => {
      const line = createSecretLine();
      for (const piece of pieces) {
        const bytes = Buffer.from(piece);
        const taken = line.feed(bytes);
        expect(bytes.subarray(0, taken).every((byte) => byte === 0)).toBe(true);
      }
      const expected = line.count;
      const secret = line.take();
      expect(secret.length).toBeGreaterThanOrEqual(expected);
      expect(line.count).toBe(0);
      expect(line.take().length).toBe(0);
    }),
  );
});
