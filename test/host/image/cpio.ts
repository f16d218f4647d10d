/** One member of an archive as its header says it: written byte by byte, so that it may say anything. */
export interface RawMember {
  name: string | Buffer;
  mode?: number;
  content?: string | Buffer;
  inode?: number;
  links?: number;
  uid?: number;
  gid?: number;
  mtime?: number;
  major?: number;
  minor?: number;
  /** What the header claims; the length of the content when not given. */
  sizeBytes?: number;
}

export const FILE = 0o100000;
export const DIRECTORY = 0o040000;
export const LINK = 0o120000;
export const NODE = 0o020000;

let inodes = 0;

/** An archive of these members, in newc form, with its trailer. */
export function cpio(...members: RawMember[]): Buffer {
  return Buffer.concat([...members, { name: "TRAILER!!!", mode: 0 }].map(encode));
}

export const file = (name: string, content: string | Buffer = "", more: Partial<RawMember> = {}): RawMember => ({ name, mode: FILE | 0o644, content, ...more });
export const directory = (name: string, more: Partial<RawMember> = {}): RawMember => ({ name, mode: DIRECTORY | 0o755, ...more });
export const link = (name: string, target: string): RawMember => ({ name, mode: LINK | 0o777, content: target });

function encode({ name, mode = FILE | 0o644, content = "", inode = ++inodes, links = 1, uid = 0, gid = 0, mtime = 1, major = 0, minor = 0, sizeBytes }: RawMember): Buffer {
  const [label, bytes] = [Buffer.concat([Buffer.from(name), Buffer.alloc(1)]), Buffer.from(content)];
  const numbers = [inode, mode, uid, gid, links, mtime, sizeBytes ?? bytes.length, 0, 0, major, minor, label.length, 0];
  return Buffer.concat([padded(Buffer.concat([Buffer.from(`070701${numbers.map((number) => number.toString(16).padStart(8, "0")).join("")}`), label])), padded(bytes)]);
}

function padded(bytes: Buffer): Buffer {
  return Buffer.concat([bytes, Buffer.alloc(-bytes.length & 3)]);
}
