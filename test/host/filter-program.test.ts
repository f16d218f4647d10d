import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { expect, test } from "vitest";
import { FilterFailed, throughProgram } from "../../src/host/filter-program.ts";

const sh = (script: string) => ({ program: "sh", args: ["-c", script] });
const PIECE = Buffer.alloc(256 * 1024, 1);
/** More than a pipe holds. */
const much = () => Array<Buffer>(8).fill(PIECE);

test("bytes go through a program in pieces, in and out at once", async () => {
  expect((await throughProgram({ program: "cat", args: [] }, much(), buffer)).equals(Buffer.concat(much()))).toBe(true);
});

test("a program that fails is told by its own words, and by its exit code where it has none", async () => {
  await expect(throughProgram(sh("cat >/dev/null; echo broken >&2; exit 3"), much(), buffer)).rejects.toMatchObject({ message: "broken", said: "broken" });
  await expect(throughProgram(sh("cat >/dev/null; exit 3"), much(), buffer)).rejects.toMatchObject({ message: "sh ended with 3", said: "" });
});

test("a program that fails before it has read all is told by its words, not by the pipe that broke", async () => {
  await expect(throughProgram(sh("echo broken >&2; exit 1"), much(), buffer)).rejects.toThrow(FilterFailed);
});

test("one that ends well and has not read all is an error, but where it may", async () => {
  await expect(throughProgram(sh("head -c 1"), much(), buffer)).rejects.toMatchObject({ code: "EPIPE" });
  expect(await throughProgram({ ...sh("head -c 1"), mayStopEarly: true }, much(), buffer)).toEqual(Buffer.from([1]));
});

test("a program that is not there is ENOENT, whatever the pipes say", async () => {
  await expect(throughProgram({ program: "mkinitrd-no-such-program", args: [] }, much(), buffer)).rejects.toMatchObject({ code: "ENOENT" });
});

test("what goes wrong on either side ends the program", async () => {
  const endless = Readable.from((function* () { for (;;) yield PIECE; })());
  await expect(throughProgram({ program: "cat", args: [] }, endless, async (output) => {
    for await (const _ of output) throw new Error("enough");
  })).rejects.toThrow("enough");
  const failing = Readable.from((function* () { yield PIECE; throw new Error("unreadable"); })());
  await expect(throughProgram({ program: "sleep", args: ["60"] }, failing, buffer)).rejects.toThrow("unreadable");
});
