import { expect, test } from "vitest";
import { MkinitrdError } from "../../../src/core/errors.ts";
import { isPe, peSection } from "../../../src/core/formats/pe.ts";
import { pe } from "../../host/image/pe.ts";

const file = pe({ ".text": Buffer.from("code"), ".initrd": Buffer.from("070701") });

test("a section's content is what it means, without what fills it up", () => {
  expect(isPe(file)).toBe(true);
  expect(peSection(file, ".initrd", "f")?.toString()).toBe("070701");
  expect(peSection(file, ".ucode", "f")).toBeUndefined();
  expect(isPe(Buffer.from("MZ"))).toBe(false);
  expect(isPe(Buffer.alloc(100))).toBe(false);
});

test.each([
  { what: "the signature's place", at: 0x3c, value: 0xffff_fff0, found: /no "PE" at byte 4294967280/ },
  { what: "the signature", at: 0x80, value: 0, found: /no "PE" at byte 128/ },
  { what: "the number of sections", at: 0x86, value: 0xffff, found: /decoding the PE section header on byte \d+ of \d+/ },
  { what: "the section's place", at: 0x80 + 40 + 40 + 20, value: 0xffff_ff00, found: /the section \.initrd ends at byte 4294967046, the file at 2048/ },
])("a changed $what is refused", ({ at, value, found }) => {
  const changed = Buffer.from(file);
  if (value > 0xffff || value === 0) changed.writeUInt32LE(value, at);
  else changed.writeUInt16LE(value, at);
  expect(() => peSection(changed, value === 0xffff ? ".none" : ".initrd", "f")).toThrow(found);
});

test("a file cut short anywhere is none, has no such section, or is refused", () => {
  for (let length = 0; length < file.length; length += 7) {
    const part = file.subarray(0, length);
    if (!isPe(part)) continue;
    try {
      expect(peSection(part, ".initrd", "f")?.toString() ?? "070701").toBe("070701");
    } catch (error) {
      expect(error).toBeInstanceOf(MkinitrdError);
    }
  }
});
