import { expect, test } from "vitest";
import { stripTypes } from "../../tools/strip-types.js";

test.each([
  ["a parameter's type", "function f(ctx: Context): Promise<void> {}", "function f(ctx) {}"],
  ["an assertion before a comma", "f(a as string, b!)", "f(a, b)"],
  ["a type argument", "const m = new Map<string, number[]>();", "const m = new Map();"],
  ["nothing in a string that looks like one", 'const s = "a: string";', 'const s = "a: string";'],
  ["no blank that the author wrote", "const a  =  1; // two  blanks", "const a  =  1; // two  blanks"],
])("stripping takes %s", (_what, typed, plain) => {
  expect(stripTypes(typed)).toBe(plain);
});

test("lines of nothing but types go, comments and empty lines stay", () => {
  const typed = [
    "// KEYWORD: crypt",
    'import type { Context } from "../src/core/rc/types.ts";',
    "",
    "interface A {",
    "  a: number;",
    "}",
    "",
    "// why",
    "const a: A = { a: 1 }; // what",
  ].join("\n");
  expect(stripTypes(typed)).toBe("// KEYWORD: crypt\n\n// why\nconst a = { a: 1 }; // what");
});
