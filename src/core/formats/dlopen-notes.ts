import type { Source } from "../binary/source.ts";
import { ascii, struct, u32le } from "../binary/struct.ts";
import { readElfSection, type Elf } from "./elf.ts";

/** A library that a program opens at run time, as its `.note.dlopen` says. */
export interface DlopenNote {
  /** The preferred one of the alternatives. */
  soname: string;
  /** The program does not work without it. */
  required: boolean;
}

/** ELF note, System V gABI chapter 5; the owner is "FDO" with its zero byte. */
const note = struct("ELF note", 16, {
  ownerBytes: u32le(0),
  textBytes: u32le(4),
  type: u32le(8),
  owner: ascii(12, 4),
});
const DLOPEN_TYPE = 0x407c0c0a;

/**
 * The dlopen notes of a program or library, none where it has no such section. What can't be read is left out: a note is
 * advice, the linker never reads it. https://uapi-group.org/specifications/specs/elf_dlopen_metadata/
 */
export async function readDlopenNotes(source: Source, elf: Elf): Promise<DlopenNote[]> {
  const section = await readElfSection(source, elf, ".note.dlopen");
  return section === undefined ? [] : decodeDlopenNotes(section);
}

/** The notes of a `.note.dlopen` section. */
export function decodeDlopenNotes(section: Buffer): DlopenNote[] {
  const notes: DlopenNote[] = [];
  for (let at = 0; at + note.sizeBytes <= section.length;) {
    const { ownerBytes, textBytes, type, owner } = note.decode(section, at);
    const textAt = at + 12 + align(ownerBytes);
    if (textAt + textBytes > section.length) break;
    if (owner === "FDO" && type === DLOPEN_TYPE) notes.push(...parse(section.toString("utf8", textAt, textAt + textBytes)));
    at = textAt + align(textBytes);
  }
  return notes;
}

/** A JSON array of {soname: [alternatives], priority}. */
function parse(text: string): DlopenNote[] {
  let list: unknown;
  try {
    list = JSON.parse(text.replace(/\0.*$/s, ""));
  } catch {
    return [];
  }
  if (!Array.isArray(list)) return [];
  return list.flatMap((item: { soname?: unknown; priority?: unknown } | null) => {
    const soname: unknown = Array.isArray(item?.soname) ? item.soname[0] : undefined;
    return typeof soname === "string" ? [{ soname, required: item?.priority === "required" }] : [];
  });
}

function align(bytes: number): number {
  return Math.ceil(bytes / 4) * 4;
}
