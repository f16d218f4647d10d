import { expect, test, vi } from "vitest";
import { decryptHeader, type HeaderCipher } from "../../../src/core/tcrypt/header-cipher.ts";

test("of a cascade that can't be computed to its end no key and no header is left", () => {
  const keys: Buffer[] = [];
  const layer = (dm: string) => ({ dm, key: (all: Buffer) => (keys.push(Buffer.from(all.subarray(0, 64))), keys.at(-1)!) });
  const cipher: HeaderCipher = { name: "aes-serpent", mode: "xts", keyBytes: 64, layers: [layer("aes-xts-plain64"), layer("rot13-xts-plain64")] };
  const from = vi.spyOn(Buffer, "from");
  try {
    expect(() => decryptHeader(Buffer.alloc(512, 7), Buffer.alloc(64, Buffer.from("0123456789abcdef")).fill(9, 0, 1), cipher)).toThrow();
    const made = from.mock.results.map(({ value }) => value as Buffer).filter(({ length }) => length === 512);
    expect([keys.length, made.length]).toEqual([2, 1]);
    expect([...keys, ...made].map((bytes) => bytes.every((byte) => byte === 0))).toEqual([true, true, true]);
  } finally {
    from.mockRestore();
  }
});
