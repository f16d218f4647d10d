import { createHash } from "node:crypto";
import { encodeTruecryptHeader, HEADER_AREA_BYTES, HEADER_PLACES, type TruecryptHeader } from "../../core/formats/truecrypt.ts";
import { KDFS, pimIterations } from "../../core/formats/truecrypt-kdf.ts";
import type { Compiler, PartitionPlace } from "./compile.ts";
import type { VeracryptContent } from "./recipe.ts";

const SECTOR_BYTES = 512;
/** The least that VeraCrypt asks for in a header of version 5; VeraCrypt 1.26, Common/Volumes.h. */
const PROGRAM_VERSION = 0x010b;

/** A volume of VeraCrypt, or system encryption: the headers are written by us, read by cryptsetup, and the volume opened by it for what is in it. */
export function fillVeracrypt({ step, atEnd, fill }: Compiler, device: string, veracrypt: VeracryptContent, partition?: PartitionPlace): void {
  const { type, system, passphrase, hash, pim, sizeBytes, claimedBytes, content } = veracrypt;
  const flags = [
    ...(type === "truecrypt" ? ["--disable-veracrypt"] : []), "--hash", hash, "--cipher", "aes",
    ...(type === "truecrypt" ? [] : ["--veracrypt-pim", String(pim)]), ...(system ? ["--tcrypt-system"] : []),
  ];
  const name = `veracrypt-${device.replace(/^\/dev\/(mapper\/)?/, "").replaceAll("/", "-")}`;
  const write = (about: string, to: string, offsetBytes: number, header: Buffer) => step({
    about, program: "busybox",
    args: ["sh", "-c", 'busybox base64 -d | busybox dd of="$0" bs=512 seek="$1" conv=notrunc', to, String(offsetBytes / SECTOR_BYTES)],
    input: header.toString("base64"),
  });
  const dump = (about: string, ...more: string[]) => step({ about, program: "cryptsetup", args: ["tcryptDump", ...flags, ...more, device], input: passphrase });
  if (system) {
    write(`system encryption of ${device}`, partition?.disk ?? device, HEADER_PLACES.system, encodeHeader(veracrypt, "salt", partition?.startBytes ?? 0, sizeBytes));
  } else {
    const payloadBytes = sizeBytes - 2 * HEADER_AREA_BYTES;
    write(`VeraCrypt on ${device}`, device, HEADER_PLACES.primary, encodeHeader(veracrypt, "salt", HEADER_AREA_BYTES, claimedBytes ?? payloadBytes));
    write(`the copy of the header on ${device}`, device, sizeBytes + HEADER_PLACES.backup, encodeHeader(veracrypt, "salt of the copy", HEADER_AREA_BYTES, payloadBytes));
    dump(`the copy on ${device}, as cryptsetup reads it`, "--tcrypt-backup");
  }
  dump(`the header on ${device}, as cryptsetup reads it`);
  if (content === undefined) return;
  step({ about: `opening ${device}`, program: "cryptsetup", args: ["open", "--type", "tcrypt", ...flags, device, name], input: passphrase });
  atEnd({ about: `closing ${device}`, program: "cryptsetup", args: ["close", name] });
  fill(`/dev/mapper/${name}`, content);
}

/** Salts and keys are made from the passphrase: a recipe gives the same disk each time. */
function encodeHeader({ type, system, passphrase, hash, pim }: VeracryptContent, salt: string, payloadOffsetBytes: number, payloadBytes: number): Buffer {
  const made = (what: string) => createHash("sha512").update(`${what} of ${passphrase}`).digest();
  const kdf = KDFS.find((each) => each.type === type && each.hash === hash)!;
  const header: TruecryptHeader = {
    type, version: 5, programVersion: PROGRAM_VERSION, hiddenVolumeBytes: undefined, volumeBytes: payloadBytes,
    payloadOffsetBytes, payloadBytes, sectorBytes: SECTOR_BYTES, system, inPlace: false,
    keys: Buffer.concat([made("keys"), Buffer.alloc(256 - 64)]),
  };
  const iterations = type === "truecrypt" ? (kdf.systemIterations ?? kdf.iterations) : pimIterations(pim, kdf, system);
  return encodeTruecryptHeader(header, made(salt), { passphrase: Buffer.from(passphrase), hash, iterations });
}
