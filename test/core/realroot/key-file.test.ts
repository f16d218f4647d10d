import fc from "fast-check";
import { expect, test } from "vitest";
import { parseKeyFile } from "../../../src/core/realroot/key-file.ts";

test.each([
  { text: "/etc/keys/root.key", place: { path: "/etc/keys/root.key" } },
  { text: "/root.key@UUID=1a2b", place: { path: "/root.key", device: "UUID=1a2b" } },
  { text: "/a@b@LABEL=KEYS", place: { path: "/a@b", device: "LABEL=KEYS" } },
  { text: "/dev/sdb", place: { path: "/dev/sdb" } },
])("$text", ({ text, place }) => {
  expect(parseKeyFile(text)).toEqual(place);
});

test.each([
  { text: "root.key", reason: /no absolute path/ },
  { text: "", reason: /no absolute path/ },
  { text: "@/dev/sdb", reason: /no absolute path/ },
  { text: "/root.key@", reason: /no device behind the @/ },
  { text: `/etc/${"ä".repeat(128)}`, reason: /longer than 255 bytes/ },
  { text: "/mnt/../../etc/shadow@/dev/sdb", reason: /holds \.\./ },
])("$text is refused", ({ text, reason }) => {
  expect(parseKeyFile(text)).toMatchObject({ reason: expect.stringMatching(reason) });
});

test("any text is a place or has a reason against it", () => {
  fc.assert(fc.property(fc.string(), (text) => {
    const parsed = parseKeyFile(text);
    expect("reason" in parsed || parsed.path.startsWith("/")).toBe(true);
  }));
});
