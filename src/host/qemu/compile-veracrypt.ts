import { createHash } from "node:crypto";
import { encodeTruecryptHeader, HEADER_AREA_BYTES, HEADER_PLACES, type TruecryptHeader } from "../../core/formats/truecrypt.ts";
import { KDFS, pimIterations } from "../../core/formats/truecrypt-kdf.ts";
import { withKeyFiles } from "../../core/formats/truecrypt-keyfiles.ts";
import type { Compiler, PartitionPlace } from "./compile.ts";
import { writeKeyFiles } from "./compile-tcrypt.ts";
import type { VeracryptContent } from "./recipe.ts";

const SECTOR_BYTES = 512;
/** The least that VeraCrypt asks for in a header of version 5; VeraCrypt 1.26, Common/Volumes.h. */
const PROGRAM_VERSION = 0x010b;
/** What a hidden volume leaves to the outer one, in front of it. */
export const HIDDEN_BEHIND_BYTES = 1024 * 1024;

/** A volume of VeraCrypt, or system encryption: the headers are written by us, read by cryptsetup, and the volume opened by it for what is in it. */
export function fillVeracrypt(compiler: Compiler, device: string, veracrypt: VeracryptContent, partition?: PartitionPlace): void {
  const { step, atEnd, fill } = compiler;
  const { type, system, hidden, hash, pim, sizeBytes, claimedBytes, content } = veracrypt;
  const passphrase = veracrypt.passphrase || "\n"; // the key files alone are the key
  const flags = [
    ...(type === "truecrypt" ? ["--disable-veracrypt"] : []), "--hash", hash, "--cipher", "aes",
    ...(type === "truecrypt" || pim === undefined ? [] : ["--veracrypt-pim", String(pim)]), ...(system ? ["--tcrypt-system"] : []), ...(hidden ? ["--tcrypt-hidden"] : []),
    ...writeKeyFiles(compiler, device, "veracrypt", veracrypt).flatMap((file) => ["--key-file", file]),
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
    const outer = hidden ? { ...veracrypt, passphrase: `the outer volume of ${passphrase}`, keyfiles: [], hidden: false } : veracrypt;
    write(`VeraCrypt on ${device}`, device, HEADER_PLACES.primary, encodeHeader(outer, "salt", HEADER_AREA_BYTES, claimedBytes ?? payloadBytes));
    write(`the copy of the header on ${device}`, device, sizeBytes + HEADER_PLACES.backup, encodeHeader(outer, "salt of the copy", HEADER_AREA_BYTES, payloadBytes));
    if (hidden) {
      const start = HEADER_AREA_BYTES + HIDDEN_BEHIND_BYTES;
      write(`VeraCrypt's hidden volume on ${device}`, device, HEADER_PLACES.hidden, encodeHeader(veracrypt, "salt", start, payloadBytes - HIDDEN_BEHIND_BYTES));
      write(`the copy of the hidden header on ${device}`, device, sizeBytes + HEADER_PLACES.hiddenBackup, encodeHeader(veracrypt, "salt of the copy", start, payloadBytes - HIDDEN_BEHIND_BYTES));
    }
    dump(`the copy on ${device}, as cryptsetup reads it`, "--tcrypt-backup");
  }
  dump(`the header on ${device}, as cryptsetup reads it`);
  if (content === undefined) return;
  step({ about: `opening ${device}`, program: "cryptsetup", args: ["open", "--type", "tcrypt", ...flags, device, name], input: passphrase });
  atEnd({ about: `closing ${device}`, program: "cryptsetup", args: ["close", name] });
  fill(`/dev/mapper/${name}`, content);
}

/** Salts and keys are made from the passphrase: a recipe gives the same disk each time. */
function encodeHeader({ type, system, hidden, passphrase, keyfiles, hash, pim }: VeracryptContent, salt: string, payloadOffsetBytes: number, payloadBytes: number): Buffer {
  const made = (what: string) => createHash("sha512").update(`${what} of ${passphrase}`).digest();
  const kdf = KDFS.find((each) => each.type === type && each.hash === hash)!;
  const header: TruecryptHeader = {
    type, version: 5, programVersion: PROGRAM_VERSION, hiddenVolumeBytes: hidden ? payloadBytes : undefined, volumeBytes: payloadBytes,
    payloadOffsetBytes, payloadBytes, sectorBytes: SECTOR_BYTES, system, inPlace: false,
    keys: Buffer.concat([made("keys"), Buffer.alloc(256 - 64)]),
  };
  const iterations = pim === undefined || type === "truecrypt" ? ((system ? kdf.systemIterations : undefined) ?? kdf.iterations) : pimIterations(pim, kdf, system);
  const key = withKeyFiles(Buffer.from(passphrase), keyfiles.map((text) => Buffer.from(text)));
  return encodeTruecryptHeader(header, made(salt), { passphrase: key, hash, iterations });
}
