import { memorySource } from "../../core/binary/source.ts";
import { probeElf } from "../../core/formats/elf.ts";
import { blankOwnSymbols } from "./elf-symbols.ts";
import { trimElf, type Unused } from "./elf-trim.ts";
import { packIcuData } from "./icu-data.ts";

/** Changes when the same binary is trimmed to other bytes. */
export const TRIM_VERSION = 3;

/** What an English boot reads of the data that is there for each language. */
const LOCALES = new Set(["en", "en_US", "en_US_POSIX"]);
const LOCALE = /^[a-z]{2,3}(_.*)?$/;
const BREAK_RULES = new Set(["char", "word", "word_POSIX", "sent", "line", "title"]);
/** Spelled-out numbers and transliteration: no JavaScript API reaches them. */
const FOLDERS_UNUSED = new Set(["rbnf", "translit"]);

/** How a WebAssembly module ("\0asm") begins in base64. */
const WASM_BASE64 = Buffer.from("AGFzbQ", "latin1");
const TYPE_STRIPPER_BYTES_MIN = 1_000_000;

/** Head of the code that V8 keeps of a module: magic number, version hash, …, length of what follows. V8, snapshot/code-serializer.h. */
const CODE_CACHE = { headBytes: 32, sameBytes: 8, lengthAt: 20, magic: 0xc0de, magicAt: 2 };
const CODE_CACHES_MIN = 100;

const UNWIND_SECTIONS = [".eh_frame_hdr", ".eh_frame", ".gcc_except_table"];

/**
 * Node's binary without what an early boot never reads; absent data is left absent. Throws MkinitrdError when it is laid
 * out in a way that is not known here.
 */
export async function trimNode(original: Buffer): Promise<Buffer> {
  const bytes = Buffer.from(original);
  blankCodeCaches(bytes);
  blankOwnSymbols(bytes, (await probeElf(memorySource(bytes, "node")))?.sections ?? []);
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
 * What V8 has compiled of Node's own modules, one behind the other, each with a NUL after it. A boot starts from a snapshot
 * that has them compiled; without one V8 finds no magic number and compiles them anew.
 * They are blanked and stay in place: the table of segments has no room for one more hole.
 */
function blankCodeCaches(bytes: Buffer): void {
  const { headBytes, sameBytes, lengthAt, magic, magicAt } = CODE_CACHE;
  const mark = Buffer.of(magic & 0xff, magic >> 8);
  for (let at = bytes.indexOf(mark); at !== -1; at = bytes.indexOf(mark, at + 1)) {
    const startBytes = at - magicAt;
    const head = bytes.subarray(startBytes, startBytes + sameBytes);
    let [endBytes, count] = [startBytes, 0];
    while (endBytes + headBytes < bytes.length && bytes.subarray(endBytes, endBytes + sameBytes).equals(head)) {
      endBytes += headBytes + bytes.readUInt32LE(endBytes + lengthAt) + 1;
      count++;
    }
    if (count < CODE_CACHES_MIN || endBytes > bytes.length) continue;
    bytes.fill(0, startBytes, endBytes);
    return;
  }
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
