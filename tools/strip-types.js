import { stripTypeScriptTypes } from "node:module";

/**
 * TypeScript → JavaScript with every comment and line kept, for the scripts that a person opens in the image. Node
 * puts spaces where types were; these are taken out again, and lines that held nothing but types go.
 * @param {string} source
 * @returns {string}
 */
export function stripTypes(source) {
  const spaced = stripTypeScriptTypes(source);
  if (spaced.length !== source.length) return spaced; // positions no longer match: leave it as it is
  const kept = [];
  let start = 0;
  for (const line of source.split("\n")) {
    const stripped = tidyLine(line, spaced.slice(start, start + line.length));
    if (stripped.trim() !== "" || line.trim() === "") kept.push(stripped);
    start += line.length + 1;
  }
  return kept.join("\n").replace(/\n{3,}/g, "\n\n");
}

/**
 * @param {string} before the line as written
 * @param {string} after the same line with spaces in place of types
 */
function tidyLine(before, after) {
  if (before === after) return after;
  let tidy = "";
  for (let at = 0; at < after.length; ) {
    const end = erasedUntil(before, after, at);
    if (end === at) {
      tidy += after[at++];
      continue;
    }
    // `x as T, y` leaves `x , y`: the blank belonged to what is gone
    if (/^[,;)\]}]|^$/.test(after.slice(end))) tidy = tidy.trimEnd();
    at = end;
  }
  return tidy.trimEnd();
}

/**
 * The end of the run of erased characters at `at`, blanks between them included.
 * @param {string} before
 * @param {string} after
 * @param {number} at
 */
function erasedUntil(before, after, at) {
  let end = at;
  for (let i = at; i < after.length && after[i] === " "; i++) {
    if (before[i] !== " ") end = i + 1;
    else if (end === at) break;
  }
  return end;
}
