import { expect, test } from "vitest";
import { quitKeys } from "../../../src/host/qemu/attach.ts";

/** What reaches the guest of pieces that are typed one after the other, and whether they quit. */
function type(...pieces: string[]): { sent: string; quit: boolean } {
  const filter = quitKeys();
  const results = pieces.map((piece) => filter(Buffer.from(piece, "latin1")));
  return { sent: results.map(({ forGuest }) => forGuest.toString("latin1")).join(""), quit: results.some(({ quit }) => quit) };
}

test.each([
  { what: "plain keys reach the guest", pieces: ["abc\r"], sent: "abc\r", quit: false },
  { what: "bytes above 127 reach it as they are", pieces: ["\xc3\xa9"], sent: "\xc3\xa9", quit: false },
  { what: "Ctrl-] quits, and what stands behind it is not typed", pieces: ["ab\x1dcd"], sent: "ab", quit: true },
  { what: "Ctrl-A X quits", pieces: ["ab\x01X"], sent: "ab", quit: true },
  { what: "Ctrl-A x quits in two pieces", pieces: ["\x01", "x"], sent: "", quit: true },
  { what: "Ctrl-A Ctrl-A is one Ctrl-A", pieces: ["\x01\x01x"], sent: "\x01x", quit: false },
  { what: "Ctrl-A and another key are both typed", pieces: ["\x01d"], sent: "\x01d", quit: false },
])("$what", ({ pieces, sent, quit }) => {
  expect(type(...pieces)).toEqual({ sent, quit });
});
