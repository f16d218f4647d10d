import { expect, test } from "vitest";
import { quote } from "../../src/core/quote.ts";

test.each([
  { text: "/dev/vda2", quoted: '"/dev/vda2"' },
  { text: "Gerät 盘", quoted: '"Gerät 盘"' },
  { text: 'a"b\\c', quoted: '"a\\"b\\\\c"' },
  { text: "\x1b[2Jgone\n\u009b", quoted: '"\\x1b[2Jgone\\x0a\\x9b"' },
  { text: "a\u202eb\u2028\ud800", quoted: '"a\\u202eb\\u2028\\ud800"' },
  { text: "x".repeat(60), quoted: `"${"x".repeat(60)}"` },
  { text: "😀".repeat(4096), quoted: `"${"😀".repeat(60)}…"` },
])("$quoted is what a message shows", ({ text, quoted }) => {
  expect(quote(text)).toBe(quoted);
});
