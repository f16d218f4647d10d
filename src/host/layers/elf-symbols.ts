import type { Elf } from "../../core/formats/elf.ts";

/** One entry of .dynsym: gABI 4.1, "Symbol Table", Elf64_Sym. */
const SYMBOL = { bytes: 24, nameAt: 0, sectionAt: 6, undefinedSection: 0 };
/** .gnu.hash: number of buckets, first symbol in it, words of its Bloom filter, shift; filter, buckets, then a hash for each symbol. */
const GNU_HASH = { headBytes: 16, firstSymbolAt: 4, filterWordsAt: 8, filterWordBytes: 8, wordBytes: 4 };
/** A mangled name with something in it of V8, Node or ICU: no library has one. Itanium C++ ABI, 5.1. */
const OWN = /N[VK]*(2v8|4node|5cppgc|6icu_\d\d)/;

/**
 * Blanks, in place, the names by which addons would find Node's own functions: there is no addon in an image. The entries
 * stay, as zeros, so that each other one keeps its number; a hash keeps the bit that ends its chain. What is laid out in
 * another way stays as it is.
 */
export function blankOwnSymbols(bytes: Buffer, sections: Elf["sections"]): void {
  const section = (name: string): Buffer | undefined => {
    const found = sections.find((one) => one.name === name);
    return found === undefined ? undefined : bytes.subarray(found.offsetBytes, found.offsetBytes + found.sizeBytes);
  };
  const [symbols, names, hashes] = [section(".dynsym"), section(".dynstr"), section(".gnu.hash")];
  if (symbols === undefined || names === undefined || hashes === undefined) return;
  const firstHashed = hashes.readUInt32LE(GNU_HASH.firstSymbolAt);
  const chains = GNU_HASH.headBytes + hashes.readUInt32LE(GNU_HASH.filterWordsAt) * GNU_HASH.filterWordBytes + hashes.readUInt32LE(0) * GNU_HASH.wordBytes;
  const kept = new Uint8Array(names.length); // one name may be the end of another
  const own: number[] = [];
  for (let index = 0; (index + 1) * SYMBOL.bytes <= symbols.length; index++) {
    const at = index * SYMBOL.bytes;
    const nameAt = symbols.readUInt32LE(at + SYMBOL.nameAt);
    const end = names.indexOf(0, nameAt);
    if (nameAt >= names.length || end === -1) return;
    const isDefined = symbols.readUInt16LE(at + SYMBOL.sectionAt) !== SYMBOL.undefinedSection;
    const isHashed = index >= firstHashed && chains + (index - firstHashed + 1) * GNU_HASH.wordBytes <= hashes.length;
    if (isDefined && isHashed && OWN.test(names.toString("latin1", nameAt, end))) own.push(index);
    else kept.fill(1, nameAt, end);
  }
  for (const index of own) {
    const hashAt = chains + (index - firstHashed) * GNU_HASH.wordBytes;
    const nameAt = symbols.readUInt32LE(index * SYMBOL.bytes + SYMBOL.nameAt);
    for (let at = nameAt; names[at] !== 0 && kept[at] === 0; at++) names[at] = 0;
    symbols.fill(0, index * SYMBOL.bytes, (index + 1) * SYMBOL.bytes);
    hashes.writeUInt32LE(hashes.readUInt32LE(hashAt) & 1, hashAt);
  }
}
