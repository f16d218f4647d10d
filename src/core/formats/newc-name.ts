import { isUtf8 } from "node:buffer";

/** Stand-ins for bytes from 0x80 on that are no UTF-8, as PEP 383 has them: lone low surrogates, which no text holds. */
const SURROGATE = 0xdc00;

/** The name of an archive's member as text. The kernel takes any bytes: those that are no UTF-8 become lone surrogates, one each. */
export function decodeName(bytes: Buffer): string {
  if (isUtf8(bytes)) return bytes.toString("utf8");
  return [...bytes].map((byte) => String.fromCharCode(byte < 0x80 ? byte : SURROGATE + byte)).join("");
}

/** The bytes of such a name again. */
export function encodeName(name: string): Buffer {
  if (name.isWellFormed()) return Buffer.from(name);
  return Buffer.concat([...name].map((character) => {
    const code = character.codePointAt(0) ?? 0;
    return code >= SURROGATE + 0x80 && code <= SURROGATE + 0xff ? Buffer.from([code - SURROGATE]) : Buffer.from(character);
  }));
}
