import { isUtf8 } from "node:buffer";
import { ZERO_GUID } from "../binary/guid.ts";

/**
 * The label in a fixed field, as blkid takes it: up to the first zero byte, without white space at its end. UTF-8; where
 * it is not that (DOS code pages), one character a byte, so that no byte is lost. Undefined when it is empty.
 */
export function labelText(field: Uint8Array): string | undefined {
  const text = decodeText(field).replace(/[ \t-\r]+$/, "");
  return text === "" ? undefined : text;
}

/** Bytes up to the first zero byte as text: UTF-8, or else one character a byte. */
export function decodeText(field: Uint8Array): string {
  const end = field.indexOf(0);
  const bytes = Buffer.from(end === -1 ? field : field.subarray(0, end));
  return bytes.toString(isUtf8(bytes) ? "utf8" : "latin1");
}

/** The `uuid` and `label` of a Content, each absent when there is none: a UUID of zeros means that. */
export function identity(uuid: string | undefined, label: string | undefined): { uuid?: string; label?: string } {
  return {
    ...(uuid === undefined || uuid === ZERO_GUID ? {} : { uuid }),
    ...(label === undefined ? {} : { label }),
  };
}

/** A label in UTF-16, up to the first zero character and without white space at its end. Undefined when it is empty. */
export function utf16Label(field: Buffer, order: "le" | "be" = "le"): string | undefined {
  const even = Buffer.from(field.subarray(0, field.length - (field.length % 2)));
  const text = (order === "be" ? even.swap16() : even).toString("utf16le");
  return labelText(Buffer.from(text, "utf8"));
}
