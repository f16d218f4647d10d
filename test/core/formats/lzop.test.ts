import { spawnSync } from "node:child_process";
import { expect, test } from "vitest";
import { clearLzopTime } from "../../../src/core/formats/lzop.ts";

const made = spawnSync("lzop", ["-7", "-c"], { input: "some text" });
const missing = made.error !== undefined;

test.skipIf(missing)("the header without its time is one that lzop takes, which checks its checksum (skipped where lzop is missing)", () => {
  const cleared = clearLzopTime(made.stdout);
  expect(cleared.readBigUInt64BE(25)).toBe(0n);
  expect(made.stdout.readBigUInt64BE(25)).not.toBe(0n);
  const listed = spawnSync("lzop", ["-d", "-c"], { input: cleared });
  expect({ status: listed.status, text: listed.stdout.toString() }).toEqual({ status: 0, text: "some text" });
  cleared[25] = 1;
  expect(spawnSync("lzop", ["-d", "-c"], { input: cleared }).status).not.toBe(0);
});

test.each([
  { what: "no lzop", bytes: Buffer.alloc(400) },
  { what: "cut short", bytes: Buffer.from("894c5a4f000d0a1a0a1040", "hex") },
  { what: "nothing", bytes: Buffer.alloc(0) },
])("a stream that is $what is refused", ({ bytes }) => {
  expect(() => clearLzopTime(bytes)).toThrow(/reading the header that lzop wrote/);
});
