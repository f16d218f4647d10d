/** A part of a page; of Markdown just what docs/ is written in. Text keeps its inline marks. */
export type Block =
  | { type: "heading"; level: number; text: string }
  | { type: "paragraph"; text: string }
  | { type: "code"; lines: string[] }
  | { type: "list"; items: string[] }
  /** Without the head: it only says what the columns are. */
  | { type: "table"; rows: string[][] };

/** The parts of a page, in order; comments are left out. */
export function blocksOf(page: string): Block[] {
  const lines = page.replace(/^<!--[^]*?-->\n?/gm, "").split("\n");
  const blocks: Block[] = [];
  for (let at = 0; at < lines.length; ) {
    const [block, end] = readBlock(lines, at);
    if (block !== undefined) blocks.push(block);
    at = end;
  }
  return blocks;
}

function readBlock(lines: string[], at: number): [Block | undefined, number] {
  const line = lines[at] ?? "";
  if (line.trim() === "") return [undefined, at + 1];
  const [, marks, text = ""] = /^(#+) (.*)$/.exec(line) ?? [];
  if (marks !== undefined) return [{ type: "heading", level: marks.length, text }, at + 1];
  if (line.startsWith("```")) return readFence(lines, at);
  const until = (ends: (line: string) => boolean) => lines.findIndex((each, index) => index > at && ends(each)) >>> 0; // -1: the end of all
  const take = (end: number) => lines.slice(at, Math.min(end, lines.length));
  if (line.startsWith("    ")) {
    const taken = take(until((each) => !each.startsWith("    ")));
    return [{ type: "code", lines: taken.map((each) => each.slice(4)) }, at + taken.length];
  }
  if (line.startsWith("|")) {
    const taken = take(until((each) => !each.startsWith("|")));
    return [{ type: "table", rows: taken.slice(2).map(cellsOf) }, at + taken.length];
  }
  const taken = take(until((each) => each.trim() === "" || /^(```|#|\|)/.test(each) || (!line.startsWith("- ") && each.startsWith("- "))));
  if (line.startsWith("- ")) return [{ type: "list", items: taken.join("\n").slice(2).split(/\n- /) }, at + taken.length];
  return [{ type: "paragraph", text: taken.join("\n") }, at + taken.length];
}

function readFence(lines: string[], at: number): [Block, number] {
  const end = lines.findIndex((line, index) => index > at && line.startsWith("```"));
  const last = end < 0 ? lines.length : end;
  return [{ type: "code", lines: lines.slice(at + 1, last) }, last + 1];
}

/** `| a | b \| c |` → `a`, `b | c`. */
function cellsOf(row: string): string[] {
  return row.trim().replace(/^\||\|$/g, "").split(/(?<!\\)\|/).map((cell) => cell.trim().replaceAll("\\|", "|"));
}
