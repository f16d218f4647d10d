import { expect, test } from "vitest";
import { progressLine } from "../../../src/host/cli/progress.ts";

test.each([
  { what: "elsewhere each is a line", stream: {}, written: "one\ntwo longer\n" },
  { what: "on a terminal one line is written over, and cleared at the end", stream: { isTTY: true, columns: 8 }, written: "\r\x1b[Kone\r\x1b[Ktwo lon\r\x1b[K" },
  { what: "a terminal of unknown width has 80 columns", stream: { isTTY: true, columns: 0 }, written: "\r\x1b[Kone\r\x1b[Ktwo longer\r\x1b[K" },
])("$what", ({ stream, written }) => {
  let text = "";
  const line = progressLine({ ...stream, write: (part: string) => ((text += part), true) } as unknown as NodeJS.WriteStream);
  line.say("one");
  line.say("two longer");
  line.end();
  expect(text).toBe(written);
});
