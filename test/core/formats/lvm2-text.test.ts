import fc from "fast-check";
import { expect, test } from "vitest";
import { MkinitrdError } from "../../../src/core/errors.ts";
import { parseLvmText } from "../../../src/core/formats/lvm2-text.ts";

/** Plain objects, for comparison. */
const parse = (text: string) => JSON.parse(JSON.stringify(parseLvmText(text, "cfg"))) as unknown;

test.each([
  { what: "nothing", text: " \n\t# only a comment", value: {} },
  { what: "a number, a fraction, a string", text: 'a = 1\nb=-2.5 c = "x"', value: { a: 1, b: -2.5, c: "x" } },
  { what: "nested sections", text: "a { b { c = 1 } } d {}", value: { a: { b: { c: 1 } }, d: {} } },
  { what: "arrays", text: 'a = [] b = [1] c = ["pv0", 20,\n "pv1", 0] d = [1,]', value: { a: [], b: [1], c: ["pv0", 20, "pv1", 0], d: [1] } },
  { what: "escapes in double quotes only", text: String.raw`a = "q\"b\\c" b = 'q\b'`, value: { a: 'q"b\\c', b: "q\\b" } },
  { what: "a hash inside a string", text: 'a = "x # y" # z\nb = 2', value: { a: "x # y", b: 2 } },
  { what: "names that LVM allows", text: "vg-0.1+x_y { 7 = 1 }", value: { "vg-0.1+x_y": { 7: 1 } } },
  { what: "a value without quotes", text: "a = yes b = 1k", value: { a: "yes", b: "1k" } },
])("$what is read", ({ text, value }) => {
  expect(parse(text)).toEqual(value);
});

test("names of an object's own methods are names like any other", () => {
  const section = parseLvmText('__proto__ { id = "x" } constructor = 1', "cfg");
  expect(Object.keys(section)).toEqual(["__proto__", "constructor"]);
  expect(({} as Record<string, unknown>).id).toBeUndefined();
});

test.each([
  { what: "a section without an end", text: "a {\n b = 1\n", found: /cfg, line 3: the text ends inside a section/ },
  { what: "a brace too many", text: "a { }\n}", found: /line 2: a closing brace without a section/ },
  { what: "a string without an end", text: 'a = 1\nb = "x\\"', found: /line 2: a string without an end/ },
  { what: "an array without an end", text: "a = [1, 2", found: /line 1: the end of the text where "\]" should be/ },
  { what: "a missing value", text: "a =\n}", found: /line 2: "}" where a value should be/ },
  { what: "a missing name", text: "= 1", found: /line 1: "=" where a name should be/ },
  { what: "a name twice", text: "a = 1\na = 2", found: /line 2: "a" comes twice/ },
  { what: "a number that is not exact", text: "a = 9007199254740993", found: /"9007199254740993" is no number that can be used/ },
  { what: "two dots in a number", text: "a = 1.2.3", found: /"1.2.3" is no number that can be used/ },
  { what: "sections without end", text: "a {".repeat(100_000), found: /nested more than 16 deep/ },
])("$what is refused, with its line", ({ text, found }) => {
  expect(() => parseLvmText(text, "cfg")).toThrow(found);
});

test.each([
  { what: "a string", text: `a = "${"x".repeat(8_000_000)}"` },
  { what: "a string of escapes", text: `a = "${"\\\\".repeat(4_000_000)}"` },
  { what: "a comment", text: `#${"x".repeat(8_000_000)}` },
  { what: "a blank", text: " ".repeat(8_000_000) },
])("$what of eight million characters is read", ({ text }) => {
  expect(() => parseLvmText(text, "cfg")).not.toThrow();
});

test("any text gives a value or our error, and what was written as a string comes back", () => {
  const characters = fc.constantFrom("{", "}", "[", "]", "=", '"', "'", "\\", "#", ",", "\n", " ", "a", "1", ".", "-");
  fc.assert(fc.property(fc.string({ unit: characters, maxLength: 60 }), (text) => {
    try {
      parseLvmText(text, "cfg");
    } catch (error) {
      expect(error).toBeInstanceOf(MkinitrdError);
    }
  }), { numRuns: 2000 });
  fc.assert(fc.property(fc.string(), (value) => {
    expect(parse(`a = "${value.replace(/[\\"]/g, "\\$&")}"`)).toEqual({ a: value });
  }));
});
