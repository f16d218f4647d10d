import { memorySource } from "../../core/binary/source.ts";
import { probeElf } from "../../core/formats/elf.ts";
import { trimElf, type Unused } from "./elf-trim.ts";
import { packIcuData } from "./icu-data.ts";

/** Changes when the same binary is trimmed to other bytes. */
export const TRIM_VERSION = 1;

/** What an English boot reads of the data that is there for each language. */
const LOCALES = new Set(["en", "en_US", "en_US_POSIX"]);
const LOCALE = /^[a-z]{2,3}(_.*)?$/;
const BREAK_RULES = new Set(["char", "word", "word_POSIX", "sent", "line", "title"]);
/** Spelled-out numbers and transliteration: no JavaScript API reaches them. */
const FOLDERS_UNUSED = new Set(["rbnf", "translit"]);

/** How a WebAssembly module ("\0asm") begins in base64. */
const WASM_BASE64 = Buffer.from("AGFzbQ", "latin1");
const TYPE_STRIPPER_BYTES_MIN = 1_000_000;

const UNWIND_SECTIONS = [".eh_frame_hdr", ".eh_frame", ".gcc_except_table"];

/**
 * Node's binary without what an early boot never reads; absent data is left absent. Throws MkinitrdError when it is laid
 * out in a way that is not known here.
 */
export async function trimNode(original: Buffer): Promise<Buffer> {
  const bytes = Buffer.from(original);
  const unused = [packIcuData(bytes, isNeededIcuItem), blankTypeStripper(bytes), await findUnwindTables(bytes)];
  return trimElf(bytes, unused.filter((range) => range !== undefined).sort((a, b) => a.startBytes - b.startBytes));
}

/** Whether the boot may read this item of the ICU data: `coll/de.res`, `nfkc.nrm`. */
export function isNeededIcuItem(path: string): boolean {
  const [, folder = "", base = "", extension = ""] = /^(?:(.*)\/)?([^/]*)\.([^.]*)$/.exec(path) ?? [];
  if (FOLDERS_UNUSED.has(folder)) return false;
  if (extension === "res") return base === "res_index" || LOCALES.has(base) || !LOCALE.test(base);
  if (extension === "brk") return BREAK_RULES.has(base);
  if (extension === "icu") return base !== "unames"; // character names
  if (extension === "nrm") return base !== "nfkc_scf";
  return false; // converters, dictionaries of scripts without blanks, stringprep, confusable characters
}

/** Node's type stripper is 4 MB of WebAssembly; what runs in the image has no types. */
function blankTypeStripper(bytes: Buffer): Unused | undefined {
  for (let start = bytes.indexOf(WASM_BASE64); start !== -1; start = bytes.indexOf(WASM_BASE64, start + 1)) {
    let endBytes = start;
    while (isBase64(bytes[endBytes])) endBytes++;
    if (endBytes - start < TYPE_STRIPPER_BYTES_MIN) continue;
    bytes.fill(0, start, endBytes);
    return { startBytes: start, endBytes };
  }
  return undefined;
}

/**
 * The tables that C++ exceptions are unwound by. Nothing in Node recovers from one: all 26 catch sites of 26.10 (in
 * libstdc++'s std::filesystem, its string and deque) clean up and throw on, so that an exception ends the process either way.
 */
async function findUnwindTables(bytes: Buffer): Promise<Unused | undefined> {
  const elf = await probeElf(memorySource(bytes, "node"));
  const sections = (elf?.sections ?? []).filter(({ sizeBytes }) => sizeBytes > 0).sort((a, b) => a.offsetBytes - b.offsetBytes);
  const first = sections.findIndex(({ name }) => name === UNWIND_SECTIONS[0]);
  if (first === -1) return undefined;
  let last = first;
  while (UNWIND_SECTIONS.includes(sections[last + 1]?.name ?? "")) last++;
  const end = sections[last]!;
  return { startBytes: sections[first]!.offsetBytes, endBytes: end.offsetBytes + end.sizeBytes };
}

function isBase64(byte: number | undefined): boolean {
  return byte !== undefined && /[A-Za-z0-9+/=]/.test(String.fromCharCode(byte));
}
