import type { core } from "zod";
import { nearest } from "../../core/nearest.ts";
import { quote } from "../../core/quote.ts";

/** What is wrong, named by its key, and where: the value at `path`, or the name `key` inside it. */
export interface LocatedIssue {
  path: PropertyKey[];
  key?: string;
  text: string;
}

/** zod's error map: what was found and what is known, to be read behind the key's name. */
export function describeIssue(issue: core.$ZodRawIssue): string | undefined {
  switch (issue.code) {
    case "invalid_type":
      return issue.input === undefined ? "is missing" : `is ${show(issue.input)}; must be ${typeName(issue.expected)}`;
    case "invalid_value":
      return `is ${show(issue.input)}; known: ${issue.values.map(String).join(", ")}`;
    case "too_small":
      return `is ${size(issue.input)}; at least ${issue.minimum}`;
    case "too_big":
      return `is ${size(issue.input)}; at most ${issue.maximum}`;
    case "unrecognized_keys":
      return `known: ${knownKeys(issue.inst).join(", ")}`;
    case "invalid_format":
    case "not_multiple_of":
    case "invalid_key":
    case "invalid_element":
      return `is ${show(issue.input)}, which has not the right form`;
    default:
      return undefined;
  }
}

/** One issue for each thing that is wrong: an unknown key each, and of a choice the alternative that was meant. */
export function flattenIssues(issues: readonly core.$ZodIssue[], prefix: PropertyKey[] = []): LocatedIssue[] {
  return issues.filter((issue) => !isLaxer(issue, issues)).flatMap((issue): LocatedIssue[] => {
    const path = [...prefix, ...issue.path];
    if (issue.code === "unrecognized_keys") return issue.keys.map((key) => unknownKey(path, key, issue.message));
    if (issue.code === "invalid_union") return flattenUnion(issue, path);
    return [{ path, text: `${name(path)} ${issue.message}` }];
  });
}

/** zod holds a whole number against the largest safe one, too: of two bounds the narrower one says it all. */
function isLaxer(issue: core.$ZodIssue, issues: readonly core.$ZodIssue[]): boolean {
  const samePlace = (other: core.$ZodIssue): boolean => other.path.length === issue.path.length && other.path.every((step, i) => step === issue.path[i]);
  if (issue.code === "too_big") return issues.some((other) => other.code === "too_big" && samePlace(other) && other.maximum < issue.maximum);
  return issue.code === "too_small" && issues.some((other) => other.code === "too_small" && samePlace(other) && other.minimum > issue.minimum);
}

function unknownKey(path: PropertyKey[], key: string, known: string): LocatedIssue {
  const meant = nearest(key, known.replace(/^known: /, "").split(", "));
  const where = path.length === 0 ? "" : ` in ${name(path)}`;
  return { path, key, text: `the key ${quote(key)}${where}${meant === undefined ? "" : `, did you mean ${meant}?`}; ${known}` };
}

/** The issues inside the alternative that fits best; when none has the right type, all that is known in one line. */
function flattenUnion(issue: core.$ZodIssueInvalidUnion, path: PropertyKey[]): LocatedIssue[] {
  if (issue.errors.length === 0) return [{ path, text: `${name(path)} ${discriminator(issue)}` }];
  const fitting = issue.errors.filter((errors) => !errors.some(isWrongType));
  const [best] = fitting.sort((a, b) => a.length - b.length);
  if (best !== undefined) return flattenIssues(best, path);
  const known = issue.errors.flat().filter(isWrongType).flatMap(alternatives);
  return [{ path, text: `${name(path)} is ${show(issue.input)}; known: ${[...new Set(known)].join(", ")}` }];
}

function isWrongType(issue: core.$ZodIssue): boolean {
  if (issue.path.length > 0) return false;
  return issue.code === "invalid_type" || issue.code === "invalid_value" || (issue.code === "invalid_union" && issue.errors.every((errors) => errors.some(isWrongType)));
}

function alternatives(issue: core.$ZodIssue): string[] {
  if (issue.code === "invalid_type") return [typeName(issue.expected)];
  if (issue.code === "invalid_value") return issue.values.map(String);
  return issue.code === "invalid_union" ? issue.errors.flat().flatMap(alternatives) : [];
}

/** A choice by one key's value: zod's path ends at that key, and its input is the mapping around it. */
function discriminator(issue: core.$ZodIssueInvalidUnion): string {
  const { input } = issue;
  const value: unknown = typeof input === "object" && input !== null ? Object.entries(input).find(([key]) => key === issue.path.at(-1))?.[1] : input;
  const known = "options" in issue && Array.isArray(issue.options) ? `; known: ${issue.options.map(String).join(", ")}` : "";
  return `${value === undefined ? "is missing" : `is ${show(value)}`}${known}`;
}

function knownKeys(schema: core.$ZodRawIssue["inst"]): string[] {
  const definition: unknown = schema?._zod.def;
  const shape = typeof definition === "object" && definition !== null && "shape" in definition ? definition.shape : {};
  return Object.keys(shape ?? {});
}

/** `files[0].from`; the whole document is "the file". */
function name(path: PropertyKey[]): string {
  if (path.length === 0) return "the file";
  return path.map((step, i) => (typeof step === "number" ? `[${step}]` : `${i === 0 ? "" : "."}${plain(String(step))}`)).join("");
}

function plain(key: string): string {
  return /^[A-Za-z0-9_-]{1,60}$/.test(key) ? key : quote(key);
}

function show(value: unknown): string {
  if (value === null || value === undefined) return "empty";
  if (typeof value === "string") return quote(value);
  if (Array.isArray(value)) return "a list";
  return typeof value === "object" ? "a mapping" : String(value);
}

function size(value: unknown): string {
  if (typeof value === "string") return value === "" ? "empty" : `${value.length} characters long`;
  if (Array.isArray(value)) return value.length === 0 ? "an empty list" : `a list of ${value.length}`;
  return show(value);
}

function typeName(expected: string): string {
  const names: Record<string, string> = {
    string: "a text", number: "a number", int: "a whole number", boolean: "true or false", array: "a list", object: "a mapping", record: "a mapping",
  };
  return names[expected] ?? expected;
}
