/** NAME_MAX of the kernel; linux/limits.h. */
const NAME_BYTES_MAX = 255;

export const LONG_NAME = `a name in it is longer than ${NAME_BYTES_MAX} bytes, which no file can have`;

/** Whether a part of a path is longer than any file's name. */
export function hasLongName(path: string): boolean {
  return path.split("/").some((name) => Buffer.byteLength(name) > NAME_BYTES_MAX);
}
