import { quote } from "../quote.ts";

/**
 * The text that a part of a spec stands for: `%3A` is a colon, and the bytes are UTF-8. On bad input the reason. Control
 * characters are refused as well: no name needs one, and names are shown on consoles.
 */
export function decodePart(part: string): { text: string } | { reason: string } {
  const bad = /%(?![0-9A-Fa-f]{2})/.exec(part);
  if (bad !== null) return { reason: `${quote(part.slice(bad.index, bad.index + 3))} is no percent sign and two hex digits; a percent sign itself is %25` };
  let text: string;
  try {
    text = decodeURIComponent(part);
  } catch {
    return { reason: `${quote(part)} is not UTF-8 behind its percent signs` };
  }
  if (/[\u0000-\u001f\u007f-\u009f]/.test(text)) return { reason: `${quote(text)} holds a control character` };
  if (/\p{Cs}/u.test(text)) return { reason: `${quote(text)} is not UTF-8` };
  return { text };
}

/**
 * A text as a part of a spec. Whatever the grammar gives a meaning is encoded, and so is all that is not ASCII: boot loaders
 * differ in what they make of it, and the byte 0xa0 is a blank to the kernel.
 */
export function encodePart(text: string, options: { also?: RegExp } = {}): string {
  const special = /[^\u0021-\u007e]+|["%:,@]+/g;
  const encode = (run: string) => [...Buffer.from(run)].map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, "0")}`).join("");
  const encoded = text.replace(special, encode);
  return options.also === undefined ? encoded : encoded.replace(options.also, encode);
}
