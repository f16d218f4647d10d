import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { parseHeader } from "../../src/core/rc/header.ts";
import { packageRoot } from "../../src/host/package-root.ts";

const readme = readFileSync(join(packageRoot(), "README.md"), "utf8");
const scripts = readdirSync(join(packageRoot(), "rc.d")).filter((file) => file.endsWith(".ts"));
const headers = scripts.map((file) => parseHeader(readFileSync(join(packageRoot(), "rc.d", file), "utf8"), file));

test("the README's table has each kind of root that an rc script serves", () => {
  const rows = [...readme.matchAll(/^\| `(\w+)` \|/gm)].map(([, kind]) => kind);
  expect(rows.sort()).toEqual(headers.flatMap(({ keyword }) => keyword).sort());
});

test.each([
  { words: /TrueCrypt|VeraCrypt/, served: () => headers.some(({ keyword }) => keyword.includes("tcplay")) },
  { words: /key files?/, served: () => headers.some(({ options }) => options.includes("keyfile")) },
])("the README does not call $words unsupported while a script serves it", ({ words, served }) => {
  const [, unsupported = ""] = readme.split("## Not supported");
  expect(unsupported).not.toBe("");
  if (served()) expect(unsupported).not.toMatch(words);
});
