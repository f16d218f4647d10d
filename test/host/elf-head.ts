/** The header of a 64-bit program for a machine (e_machine), with nothing behind it. */
export function elfHead(machine: number): Buffer {
  const head = Buffer.alloc(64);
  head.write("\x7fELF\x02\x01\x01", "latin1");
  head.writeUInt16LE(2, 16); // ET_EXEC
  head.writeUInt16LE(machine, 18);
  head.writeUInt16LE(56, 54); // of a program header, of which there are none
  return head;
}
