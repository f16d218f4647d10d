import type { Source } from "../binary/source.ts";
import { bytes, struct, u32be, u32le, uuid } from "../binary/struct.ts";
import { MkinitrdError } from "../errors.ts";
import type { Content } from "./content.ts";
import { identity, labelText } from "./label.ts";

/** Swap header of version 1, at byte 1024. Linux include/linux/swap.h, union swap_header. In the machine's byte order. */
const header = struct("swap header", 512, {
  version: u32le(0), // 1
  versionSwapped: u32be(0),
  lastPage: u32le(4), // number of the last page that is used
  lastPageSwapped: u32be(4),
  uuid: uuid(12),
  label: bytes(28, 16),
  padding: bytes(172, 8), // zeros; in what else looks like a swap header, often not
});

const HEADER_BYTE = 1024;
/** The signature ends the first page, and pages differ between machines. */
const PAGE_SIZES = [4096, 8192, 16384, 32768, 65536];
const SIGNATURE_BYTES = 10;
const TUXONICE = Buffer.from("edc302e99856e50c", "hex");

/** What stands where a swap area's signature would: a suspended machine's image is there. */
const SUSPENDED: Record<string, string> = {
  S1SUSPEND: "s1suspend",
  S2SUSPEND: "s2suspend",
  ULSUSPEND: "ulsuspend",
  LINHIB0001: "linhib0001",
};

/**
 * A swap area (`swap`), or one that holds a suspended machine's memory (`swsuspend`). Undefined without a signature;
 * throws when the header behind it has another version or no pages.
 */
export async function probeSwap(source: Source): Promise<Content | undefined> {
  for (const pageBytes of PAGE_SIZES) {
    if (source.sizeBytes < pageBytes) return undefined;
    const signature = await source.read(pageBytes - SIGNATURE_BYTES, SIGNATURE_BYTES);
    const content = await readArea(source, signature.toString("latin1").replace(/\0.*$/s, ""), pageBytes);
    if (content !== undefined) return content;
  }
  return undefined;
}

async function readArea(source: Source, signature: string, pageBytes: number): Promise<Content | undefined> {
  // Version 0 has no header: one page of bits, and nothing else to check.
  if (signature === "SWAP-SPACE") return { type: "swap", version: "0" };
  const suspended = SUSPENDED[signature];
  if (signature !== "SWAPSPACE2" && suspended === undefined) return undefined;

  const start = await source.read(0, TUXONICE.length);
  const { lastPage, version, ...rest } = await readHeader(source);
  if (start.equals(TUXONICE)) return { type: "swsuspend", version: "tuxonice", ...rest };
  if (suspended !== undefined) return { type: "swsuspend", version: suspended, ...rest };
  if (version !== 1) throw failure(source, `the version is ${version}, known: 1`);
  if (lastPage === 0) throw failure(source, "it has no pages");
  return { type: "swap", version: "1", ...rest, sizeBytes: (lastPage + 1) * pageBytes };
}

async function readHeader(source: Source): Promise<{ version: number; lastPage: number; uuid?: string; label?: string }> {
  const decoded = header.decode(await source.read(HEADER_BYTE, header.sizeBytes));
  const swapped = decoded.versionSwapped === 1;
  return {
    version: swapped ? decoded.versionSwapped : decoded.version,
    lastPage: swapped ? decoded.lastPageSwapped : decoded.lastPage,
    ...(decoded.padding.every((byte) => byte === 0) ? identity(decoded.uuid, labelText(decoded.label)) : {}),
  };
}

function failure(source: Source, found: string): MkinitrdError {
  return new MkinitrdError({
    tried: "reading the swap header",
    on: `${source.name} at byte ${HEADER_BYTE}`,
    found,
    next: "make it anew from a running system: mkswap",
  });
}
