import { elfMachine, type Elf } from "../../core/formats/elf.ts";
import { readImage, type ImageMember } from "./read.ts";

/** What the programs of an image are for, of whatever tool: its first one says it. Undefined where it has none, or can't be read. */
export async function imageMachine(file: string): Promise<Pick<Elf, "machine" | "bits"> | undefined> {
  const archives = await readImage(file).catch(() => []);
  for (const member of archives.flatMap(({ parts }) => parts.flat())) {
    if (member.type !== "file" || (member.mode & 0o111) === 0) continue;
    const machine = elfMachine(await beginning(member));
    if (machine !== undefined) return machine;
  }
  return undefined;
}

async function beginning(member: ImageMember): Promise<Buffer> {
  for await (const piece of member.pieces()) return piece;
  return Buffer.alloc(0);
}
