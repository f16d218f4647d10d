import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import stringWidth from "string-width";
import { expect, test } from "vitest";
import { lazySegmenter } from "../../tools/lazy-segmenter.js";
import { repository } from "../../tools/paths.js";
import { quickStart } from "../../tools/quick-start.js";

const TEXTS = ["", "Passphrase for /dev/vda2", "a\tb", "─│┌", "é\u0301", "你好", "👩‍👩‍👧x", "1️⃣2", "🇩🇪🇫", "❤❤️", "\u001b[31mred\u001b[0m ✓", "각\r\n"];

test("a segmenter made late gives the segments of one made at once", () => {
  const [late, early] = [lazySegmenter(() => new Intl.Segmenter()), new Intl.Segmenter()];
  for (const text of TEXTS) {
    expect([...late.segment(text)]).toEqual([...early.segment(text)]);
    expect(late.segment(text).containing(1)?.segment).toBe(early.segment(text).containing(1)?.segment);
  }
});

test("each character of plain text is a grapheme, and no segmenter is made for it", () => {
  const characters = Array.from({ length: 0x2600 }, (_, code) => String.fromCharCode(code));
  const early = new Intl.Segmenter();
  for (const [plain, each] of characters.map((each) => [each + each + "x" + each, each] as const)) {
    const segmenter = lazySegmenter(() => early);
    expect([...segmenter.segment(plain)].map(({ segment }) => segment), JSON.stringify(each)).toEqual([...early.segment(plain)].map(({ segment }) => segment));
  }
  const segmenter = lazySegmenter(() => expect.unreachable());
  expect([...segmenter.segment("\u001b[1m┌─│…\n\u001b[22m")]).toHaveLength(14);
  expect([...segmenter.segment("ab")].map(({ segment }) => segment)).toEqual(["a", "b"]);
});

test("string-width measures as before", async () => {
  const folder = mkdtempSync(join(tmpdir(), "mkinitrd-width-"));
  try {
    symlinkSync(join(repository, "node_modules"), join(folder, "node_modules"));
    const path = join(repository, "node_modules/string-width/index.js");
    const edited = quickStart(readFileSync(path, "utf8"), path)!.code;
    expect(edited).toContain("lazySegmenter(");
    writeFileSync(join(folder, "width.mjs"), edited);
    const { default: width } = (await import(join(folder, "width.mjs"))) as { default: typeof stringWidth };
    expect(TEXTS.map((text) => width(text))).toEqual(TEXTS.map((text) => stringWidth(text)));
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("a library that no longer has the text fails the build by name", () => {
  expect(() => quickStart("export default 1;", "/x/node_modules/string-width/index.js")).toThrow(/string-width.*RGI_Emoji.*is not there once; see tools\/quick-start\.js/);
});
