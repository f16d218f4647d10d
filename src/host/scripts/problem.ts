import { stripVTControlCharacters } from "node:util";
import { MkinitrdError } from "../../core/errors.ts";
import { printableLine } from "../../core/quote.ts";

/** Where in a person's own text something is wrong; lines and columns count from 1. */
export interface Place {
  file: string;
  line?: number;
  column?: number;
}

/** `FILE at line 3, column 7`. */
export function describePlace({ file, line, column }: Place): string {
  if (line === undefined) return file;
  return `${file} at line ${line}${column === undefined ? "" : `, column ${column}`}`;
}

/** The error of a script that can't go into the image. */
export function scriptError(place: Place, found: string, next?: string, cause?: unknown): MkinitrdError {
  return new MkinitrdError({ tried: "reading the rc script", on: describePlace(place), found, ...(next === undefined ? {} : { next }), ...(cause === undefined ? {} : { cause }) });
}

/** What the bundler says of one problem. */
interface BundlerProblem {
  code?: string;
  message: string;
  id?: string;
  exporter?: string;
  loc?: { file?: string; line: number; column: number };
}

/** The error for a script that the bundler refuses: the first problem with its place, up to four more behind it. */
export function bundlerError(script: string, cause: unknown): MkinitrdError {
  if (cause instanceof MkinitrdError) return cause;
  const { errors } = cause as { errors?: BundlerProblem[] };
  const problems = errors ?? [{ message: cause instanceof Error ? cause.message : String(cause) }];
  const ours = problems.map(thrownByUs).find((error) => error !== undefined);
  if (ours !== undefined) return ours;
  const [first, ...others] = [...new Map(problems.map((problem) => [`${placeOf(problem, script)}${textOf(problem)}`, problem])).values()];
  const more = others.slice(0, 4).map((problem) => `\n  ${placeOf(problem, script)}: ${textOf(problem)}`);
  const next = first?.code === "UNRESOLVED_IMPORT" && !/^[./]/.test(first.exporter ?? "") ? `install it beside the script: npm install ${packageOf(first.exporter ?? "")}` : undefined;
  return new MkinitrdError({
    tried: "bundling the rc script", on: first === undefined ? script : placeOf(first, script), found: `${first === undefined ? "it failed" : textOf(first)}${more.join("")}`, cause,
    ...(next === undefined ? {} : { next }),
  });
}

/** What a plugin of ours has thrown comes back inside the bundler's own error. */
function thrownByUs(problem: unknown): MkinitrdError | undefined {
  if (problem instanceof MkinitrdError) return problem;
  return problem instanceof Error && problem.cause instanceof MkinitrdError ? problem.cause : undefined;
}

function placeOf({ loc, id }: BundlerProblem, script: string): string {
  return describePlace({ file: loc?.file ?? id ?? script, ...(loc === undefined ? {} : { line: loc.line, column: loc.column + 1 }) });
}

/** The first line, without the code in front of it and the colours. */
function textOf({ message, id, code }: BundlerProblem): string {
  if (id?.endsWith(".node") === true) return "a native addon: only JavaScript can be packed";
  const [line = ""] = stripVTControlCharacters(message).trim().split("\n");
  const text = printableLine(line.replace(/^\[[A-Z_]+\]\s*/, ""));
  return code === "UNRESOLVED_IMPORT" ? text.replace(/ in \S+$/, "").replace("Could not resolve", "nothing is there for the import of") : text;
}

/** `@scope/name/file` → `@scope/name`. */
function packageOf(specifier: string): string {
  return specifier.split("/").slice(0, specifier.startsWith("@") ? 2 : 1).join("/");
}
