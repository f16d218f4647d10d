import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { foreignScript } from "../../../src/host/plan/read-script.ts";

let directory: string;
beforeEach(() => { directory = mkdtempSync(join(tmpdir(), "script-")); });
afterEach(() => rmSync(directory, { recursive: true }));

const RUN = "export default async function run() {}\n";

test.each([
  { name: "hello.ts", text: `import type { Context } from "../src/core/rc/types.ts";\nimport { readFile } from "node:fs/promises";\nimport "fs";\n${RUN}` },
  { name: "hello.js", text: "const run = async () => {};\nexport { run as default };\n" },
  { name: "hello.js", text: `export const from = "elsewhere";\n${RUN}` },
])("a script that can run in the image is taken: $text", ({ name, text }) => {
  expect(foreignScript(write(name, text)).name).toBe("hello");
});

test.each([
  { what: "imports a package", name: "a.ts", text: `import x from "lodash";\nx();\n${RUN}`, found: /it imports lodash, which is not in the image\n  next: import types only/ },
  { what: "imports a file while it runs", name: "a.js", text: 'export default async () => { await import("./x.js"); };\n', found: /it imports .\/x.js, which is not in the image/ },
  { what: "passes an import on", name: "a.js", text: 'export { default } from "./x.js";\n', found: /it imports .\/x.js/ },
  { what: "gives nothing to run", name: "a.ts", text: "export const run = 3;\n", found: /it has no default export\n  next: export default async function run/ },
  { what: "is no JavaScript", name: "a.js", text: `// a comment\n\nconst x = = 3;\n${RUN}`, found: /reading the rc script on .*a\.js at line 3: Expression expected/ },
  { what: "is no TypeScript", name: "a.ts", text: `const x: = 3;\n${RUN}`, found: /a\.ts at line 1: Unexpected token/ },
])("a script that $what is refused", ({ name, text, found }) => {
  expect(() => foreignScript(write(name, text))).toThrow(found);
});

function write(name: string, text: string): string {
  const path = join(directory, name);
  writeFileSync(path, text);
  return path;
}
