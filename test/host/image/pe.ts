/** A PE file with these sections, each filled up to 512 bytes as linkers do. */
export function pe(sections: Record<string, Buffer>): Buffer {
  const [signature, table] = [0x80, 0x80 + 4 + 20 + 16];
  const head = Buffer.alloc(1024);
  head.write("MZ");
  head.writeUInt32LE(signature, 0x3c);
  head.write("PE\0\0", signature);
  head.writeUInt16LE(Object.keys(sections).length, signature + 6);
  head.writeUInt16LE(16, signature + 20); // of the optional header
  let at = head.length;
  const parts = Object.entries(sections).map(([name, content], index) => {
    const filled = Buffer.concat([content, Buffer.alloc(-content.length & 511, 0xff)]);
    const header = table + 40 * index;
    head.write(name, header);
    for (const [offset, value] of [[8, content.length], [16, filled.length], [20, at]] as const) head.writeUInt32LE(value, header + offset);
    at += filled.length;
    return filled;
  });
  return Buffer.concat([head, ...parts]);
}
