import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { parseCommandLine } from "../../../src/core/realroot/command-line.ts";
import { asCommandLine, explainText } from "../../../src/host/cli/realroot.ts";
import { readKinds } from "../../../src/host/config/kinds.ts";
import { parseCrypttab } from "../../../src/core/realroot/crypttab.ts";
import { formatStage } from "../../../src/core/realroot/stage.ts";

const read = (name: string) => readFileSync(join(import.meta.dirname, "../../../docs", name), "utf8");
const pages = ["realroot.md", "local.md", "kernel-words.md", "tcplay.md", "debian.md", "crypt.md", "md.md", "lvm.md", "keymaps.md"].map(read).join("\n");
const examples = (fence: string, page = pages) => [...page.matchAll(new RegExp(`^\`\`\`${fence}\n(.*?)\n\`\`\`$`, "gms"))]
  .flatMap(([, block]) => (block ?? "").split("\n\n"))
  .map((example) => ({ words: example.split("\n", 1)[0] ?? "", printed: example.split("\n").slice(1).join("\n") }));
const kinds = await readKinds();
const request = (words: string) => parseCommandLine(asCommandLine([words]), { kinds, defaultRealroot: "", sealed: false });

test("the pages have their examples", () => {
  expect(examples("realroot").length).toBeGreaterThanOrEqual(25);
  expect(examples("realroot-error").length).toBeGreaterThanOrEqual(5);
});

test.each(examples("realroot"))("docs: $words", ({ words, printed }) => {
  expect(explainText(request(words), kinds)).toBe(printed);
});

test.each(examples("realroot-error"))("docs: $words is refused", ({ words, printed }) => {
  const pattern = printed.replace(/[.*+?^${}()|[\]\\]/g, "\\$&").replaceAll("…", ".*");
  expect(() => request(words)).toThrow(new RegExp(`^${pattern}$`));
});

test.each(examples("crypttab"))("docs/crypt.md: the crypttab line $words", ({ words, printed }) => {
  const { entries, warnings } = parseCrypttab(words, kinds);
  expect(warnings).toEqual([]);
  expect(entries.map(({ stage }) => formatStage(stage, kinds))).toEqual([printed]);
});

test("docs/crypt.md has its examples, and a row for every option of its script", () => {
  expect([examples("realroot", read("crypt.md")).length, examples("crypttab").length]).toEqual([2, 2]);
  for (const option of kinds["crypt"]!.options) expect(read("crypt.md")).toMatch(new RegExp(`^\\|.*\`${option}\\b`, "m"));
});
