import { blocksOf, type Block } from "./markdown.ts";

export interface ManPage {
  /** `mkinitrd.config.yaml` */
  name: string;
  section: 5 | 7 | 8;
  /** What it is, in half a sentence. */
  about: string;
  /** The Markdown that it is made of; its first heading is left out. */
  text: string;
  version: string;
  /** Of the last change to what it says: YYYY-MM-DD. */
  date: string;
}

const MANUALS = { 5: "File Formats Manual", 7: "Miscellaneous Information Manual", 8: "System Manager's Manual" };

/** A page of docs/ as a manual page in man(7)'s macros; groff_man(7), mandoc's man(7). */
export function manPage({ name, section, about, text, version, date }: ManPage): string {
  const lines = [
    `.TH ${name.toUpperCase()} ${section} ${date} "mkinitrd ${version}" "${MANUALS[section]}"`,
    ".nh", // no word is cut: options and paths would be
    ".SH NAME",
    `${escape(name)} \\- ${escape(about)}`,
    ...blocksOf(text).flatMap(formatBlock),
  ];
  return `${lines.join("\n")}\n`;
}

function formatBlock(block: Block, index: number, all: Block[]): string[] {
  const afterHeading = all[index - 1]?.type === "heading" ? [] : [".PP"];
  switch (block.type) {
    case "heading":
      if (block.level === 1) return all[index + 1]?.type === "heading" ? [] : [".SH DESCRIPTION"]; // the page's own title
      return [block.level === 2 ? `.SH ${escape(plain(block.text).toUpperCase())}` : `.SS ${escape(plain(block.text))}`];
    case "paragraph":
      return [...afterHeading, ...sentences(block.text)];
    case "code":
      return [...afterHeading, ".RS 4", ".nf", ...block.lines.map((line) => guard(escape(line))), ".fi", ".RE"];
    case "list":
      return block.items.flatMap(formatItem);
    case "table":
      return block.rows.flatMap(([first = "", ...rest]) => [".TP", guard(inline(first)), ...sentences(rest.filter((cell) => cell !== "").join("; ") || "\\ ")]);
  }
}

/** `TAG: text`, where the tag begins with code or emphasis, hangs its text below the tag; others get a bullet. */
function formatItem(item: string): string[] {
  const [, tag, text] = /^((?:`[^`]*`|\*[^*]*\*)[^:]*(?:`[^`]*`[^:`]*)*): ([^]*)$/.exec(item) ?? [];
  if (tag === undefined || text === undefined) return [".IP \\(bu 2", ...sentences(item)];
  return [".TP", guard(inline(tag)), ...sentences(text)];
}

/** Text in lines that roff fills again; none may begin as a request does. */
function sentences(text: string): string[] {
  return [guard(inline(text.replace(/\s*\n\s*/g, " ")))];
}

/** Markdown's emphasis, code and links as fonts. */
function inline(text: string): string {
  return text.split(/(`[^`]+`)/).map((part) => (part.startsWith("`") && part.length > 1 ? `\\fB${escape(part.slice(1, -1))}\\fR` : emphasis(part))).join("");
}

function emphasis(text: string): string {
  const unlinked = text.replace(/!?\[([^\]]*)\]\(([^)]*)\)/g, (_, words: string, target: string) => (target === words && !target.includes("/") ? `docs/${words}` : words));
  return escape(unlinked).replace(/\*\*(.+?)\*\*/g, "\\fB$1\\fR").replace(/(?<![\w*])\*([^*\s][^*]*)\*(?![\w*])/g, "\\fI$1\\fR");
}

function plain(text: string): string {
  return text.replace(/[`*]/g, "");
}

/** What roff reads as its own; characters beyond ASCII by their number. */
function escape(text: string): string {
  return text.replaceAll("\\", "\\e").replaceAll("-", "\\-").replaceAll("'", "\\(aq").replaceAll("`", "\\(ga").replaceAll("^", "\\(ha").replaceAll("~", "\\(ti")
    .replace(/[^\0-\x7f]/gu, (character) => `\\[u${character.codePointAt(0)!.toString(16).toUpperCase().padStart(4, "0")}]`);
}

/** A line that begins with a dot or a quote would be a request. */
function guard(line: string): string {
  return /^[.']/.test(line) ? `\\&${line}` : line;
}
