import type { Document, LineCounter as Lines, Node, YAMLError } from "yaml";
import { isAlias, isMap, isNode, isScalar, isSeq, LineCounter, parseDocument } from "yaml";
import type { ZodType } from "zod";
import { MkinitrdError } from "../../core/errors.ts";
import { describeIssue, flattenIssues, type LocatedIssue } from "./yaml-issues.ts";

const LONGEST_TEXT = 64 * 1024; // the time it takes grows with the square of the keys in a mapping
const MOST_ALIASES = 100; // and as many again of what they hold: a text can't grow without end
const MOST_LOCATED = 100;
const MOST_SHOWN = 5;

/**
 * Reads one YAML document and checks it against a zod schema; an empty text counts as an empty mapping. Throws one error with
 * the file, line and column of what is wrong first, and up to four more behind it. A message of the schema's own is read behind
 * the key's name: `refine(…, "is no size like 4G")`.
 */
export function parseYaml<T>(schema: ZodType<T>, text: string, fileName: string): T {
  const { document, value, lines } = parseText(text, fileName);
  const result = schema.safeParse(value ?? {}, { error: describeIssue, reportInput: true });
  if (result.success) return result.data;
  const issues = flattenIssues(result.error.issues).slice(0, MOST_LOCATED).map((issue) => ({ text: issue.text, offset: findOffset(document, issue) }));
  throw locatedError(fileName, lines, issues);
}

/** The error of a value that a later check refuses, at its place in the text: `path` as in `["files", 0, "from"]`. */
export function yamlError(text: string, fileName: string, path: PropertyKey[], found: string, cause?: unknown): MkinitrdError {
  const { document, lines } = parseText(text, fileName);
  return locatedError(fileName, lines, [{ text: found, offset: findOffset(document, { path, text: found }) }], cause);
}

/** The document with its positions, and the plain value it stands for. */
function parseText(text: string, fileName: string): { document: Document.Parsed; value: unknown; lines: Lines } {
  if (text.length > LONGEST_TEXT) {
    throw new MkinitrdError({ tried: "reading YAML", on: fileName, found: `${text.length} characters; at most ${LONGEST_TEXT}` });
  }
  const lines = new LineCounter();
  try {
    const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
    // A warning is about a tag that has no meaning here; what it marks would be read as something else.
    const problems = [...document.errors, ...document.warnings];
    if (problems.length > 0) throw locatedError(fileName, lines, problems.map((problem) => ({ text: describeProblem(problem), offset: problem.pos[0] })));
    return { document, value: document.toJS({ maxAliasCount: MOST_ALIASES }), lines };
  } catch (error) {
    if (error instanceof MkinitrdError) throw error;
    // What the YAML library throws beyond its own list: too many aliases, nesting deeper than the stack.
    const found = error instanceof RangeError ? "it nests too deep" : error instanceof Error ? error.message : String(error);
    throw new MkinitrdError({ tried: "reading YAML", on: fileName, found, cause: error });
  }
}

/** The YAML library's own words, but those for who writes programs. */
function describeProblem({ code, message }: YAMLError): string {
  return code === "MULTIPLE_DOCS" ? "a second document begins here; a file has one" : message;
}

/** Where in the text the key that an issue names is, the value behind its path, or the nearest thing around it. */
function findOffset(document: Document.Parsed, { path, key }: LocatedIssue): number {
  let node: Node | null | undefined = document.contents;
  let offset = node?.range?.[0] ?? 0;
  for (const step of path) {
    const next = child(document, node, step);
    if (next === undefined) return offset;
    node = next.value;
    offset = node?.range?.[0] ?? next.offset;
  }
  return key === undefined ? offset : (child(document, node, key)?.keyOffset ?? offset);
}

function child(document: Document.Parsed, parent: Node | null | undefined, key: PropertyKey):
  { value: Node | undefined; offset: number; keyOffset: number } | undefined {
  const node = isAlias(parent) ? parent.resolve(document) : parent;
  if (isSeq(node)) {
    const item = node.items[Number(key)];
    const offset = isNode(item) ? (item.range?.[0] ?? 0) : 0;
    return isNode(item) ? { value: item, offset, keyOffset: offset } : undefined;
  }
  if (!isMap(node)) return undefined;
  const pair = node.items.find((candidate) => isScalar(candidate.key) && String(candidate.key.value) === String(key));
  if (pair === undefined || !isScalar(pair.key)) return undefined;
  const keyOffset = pair.key.range?.[0] ?? 0;
  return { value: isNode(pair.value) ? pair.value : undefined, offset: keyOffset, keyOffset };
}

function locatedError(fileName: string, lines: Lines, issues: { text: string; offset: number }[], cause?: unknown): MkinitrdError {
  const sorted = [...issues].sort((a, b) => a.offset - b.offset);
  const [first, ...others] = sorted.map(({ text, offset }) => {
    const { line, col } = lines.linePos(offset);
    return { place: `line ${Math.max(line, 1)}, column ${Math.max(col, 1)}`, text };
  });
  const also = others.slice(0, MOST_SHOWN - 1).map(({ place, text }) => `\n  ${place}: ${text}`);
  if (others.length >= MOST_SHOWN) also.push("\n  and more");
  return new MkinitrdError({
    tried: `reading ${fileName}`,
    on: first?.place ?? "line 1, column 1",
    found: `${first?.text ?? "it is not valid"}${also.join("")}`,
    ...(cause === undefined ? {} : { cause }),
  });
}
