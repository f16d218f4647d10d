const TEXT = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** The GUID or UUID that means "none": an unused GPT entry. */
export const ZERO_GUID = "00000000-0000-0000-0000-000000000000";

/** Lower-case text of 16 bytes in UEFI's mixed order: the first three groups least significant byte first. */
export function guidFromBytes(bytes: Uint8Array): string {
  return uuidFromBytes(swapGroups(bytes));
}

/** The 16 bytes of a GUID's text, in UEFI's mixed order. Throws RangeError for anything but a GUID. */
export function guidToBytes(text: string): Buffer {
  return swapGroups(uuidToBytes(text));
}

/** Lower-case text of 16 bytes in the order of the text. */
export function uuidFromBytes(bytes: Uint8Array): string {
  const hex = Buffer.from(bytes).toString("hex");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join("-");
}

/** The 16 bytes of a UUID's text, in the order of the text. Throws RangeError for anything but a UUID. */
export function uuidToBytes(text: string): Buffer {
  if (!isUuid(text)) throw new RangeError(`"${text}" is no UUID`);
  return Buffer.from(text.replaceAll("-", ""), "hex");
}

/** Whether the text is a UUID or GUID, in either case of letters. */
export function isUuid(text: string): boolean {
  return TEXT.test(text);
}

function swapGroups(bytes: Uint8Array): Buffer {
  const swapped = Buffer.from(bytes);
  swapped.subarray(0, 4).reverse();
  swapped.subarray(4, 6).reverse();
  swapped.subarray(6, 8).reverse();
  return swapped;
}
