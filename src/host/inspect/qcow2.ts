import { resolve } from "node:path";
import { checkRange, type Source } from "../../core/binary/source.ts";
import { ExecError } from "../../core/exec.ts";
import { MkinitrdError } from "../../core/errors.ts";
import { printableLine, quote } from "../../core/quote.ts";
import { exec } from "../exec.ts";

/** QEMU docs/interop/qcow2.txt, "Header". */
const MAGIC = Buffer.from("514649fb", "hex");

/** A range of the virtual disk: where its bytes lie in the file, zeros, or packed so that only QEMU reads them. */
interface Extent {
  startBytes: number;
  lengthBytes: number;
  place: { fileByte: number } | "zeros" | "compressed";
}

/** Whether a file is a qcow2 image. */
export async function isQcow2(file: Source): Promise<boolean> {
  return file.sizeBytes >= MAGIC.length && (await file.read(0, MAGIC.length)).equals(MAGIC);
}

/**
 * The virtual disk of a qcow2 image, read from the file itself where qemu-img says that its clusters lie. Throws where other files
 * would have to be read (a backing file, an external data file: whoever made the image could name any) and where qemu-img is missing.
 */
export async function openQcow2(file: Source): Promise<Source> {
  const path = resolve(file.name); // a relative one might begin like one of QEMU's protocols: nbd:…
  const info = JSON.parse(await qemuImg(file, ["info", "-U", "-f", "qcow2", "--output=json", path])) as Info;
  const other = info["backing-filename"] ?? info["full-backing-filename"] ?? info["format-specific"]?.data?.["data-file"];
  if (other !== undefined) throw new MkinitrdError({ tried: "reading a qcow2 image", on: file.name, found: `its data is in ${quote(other)}, too, a file that whoever made the image has named`, next: "make a raw one of it with qemu-img convert if you know that file, and mean it" });
  if (info.encrypted === true) throw unfit(file, "it is encrypted by QEMU");
  const extents = (JSON.parse(await qemuImg(file, ["map", "-U", "-f", "qcow2", "--output=json", path])) as MapEntry[]).map(toExtent);
  const range = { name: file.name, sizeBytes: info["virtual-size"] };
  return {
    ...range,
    async read(offsetBytes, lengthBytes) {
      checkRange(range, offsetBytes, lengthBytes);
      const bytes = Buffer.alloc(lengthBytes);
      for (let index = extentAt(extents, offsetBytes); index < extents.length; index++) {
        const { startBytes, lengthBytes: length, place } = extents[index]!;
        if (startBytes >= offsetBytes + lengthBytes) break;
        const [from, to] = [Math.max(startBytes, offsetBytes), Math.min(startBytes + length, offsetBytes + lengthBytes)];
        if (place === "compressed") throw unfit(file, `the clusters from byte ${from} on are compressed`);
        if (place !== "zeros") (await file.read(place.fileByte + from - startBytes, to - from)).copy(bytes, from - offsetBytes);
      }
      return bytes;
    },
    ...(file.close === undefined ? {} : { close: () => file.close!() }),
  };
}

/** What qemu-img prints as JSON; qemu-img(1). */
interface Info {
  "virtual-size": number;
  encrypted?: boolean;
  "backing-filename"?: string;
  "full-backing-filename"?: string;
  "format-specific"?: { data?: { "data-file"?: string } };
}

interface MapEntry {
  start: number;
  length: number;
  zero: boolean;
  data: boolean;
  /** In the file; absent for compressed clusters. */
  offset?: number;
}

function toExtent({ start, length, zero, data, offset }: MapEntry): Extent {
  return { startBytes: start, lengthBytes: length, place: zero || !data ? "zeros" : offset === undefined ? "compressed" : { fileByte: offset } };
}

/** The extent that holds a byte. They follow each other from 0 on without a gap. */
function extentAt(extents: readonly Extent[], byte: number): number {
  let [low, high] = [0, extents.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (extents[middle]!.startBytes + extents[middle]!.lengthBytes > byte) high = middle;
    else low = middle + 1;
  }
  return low;
}

async function qemuImg(file: Source, args: string[]): Promise<string> {
  try {
    return (await exec("qemu-img", args)).stdout;
  } catch (error) {
    if (error instanceof ExecError && error.cause !== "ENOENT") throw new MkinitrdError({ tried: "reading a qcow2 image", on: file.name, found: `qemu-img: ${printableLine(error.found.split("\n")[0] ?? "")}`, next: "check that the image is whole: qemu-img check", cause: error });
    if (!(error instanceof ExecError)) throw error;
    throw new MkinitrdError({ tried: "reading a qcow2 image", on: file.name, found: "qemu-img is not on this machine", next: "install it (on Debian: apt-get install qemu-utils), or convert the image on another one" });
  }
}

function unfit(file: Source, found: string): MkinitrdError {
  return new MkinitrdError({ tried: "reading a qcow2 image", on: file.name, found, next: `make a raw one of it: qemu-img convert -O raw ${quote(file.name)} disk.img` });
}
