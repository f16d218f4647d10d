import { createHash } from "node:crypto";
import { encodeTruecryptHeader, HEADER_AREA_BYTES } from "../../core/formats/truecrypt.ts";
import { KDFS, pimIterations } from "../../core/formats/truecrypt-kdf.ts";
import type { Compiler } from "./compile.ts";
import type { VeracryptContent } from "./recipe.ts";

const SECTOR_BYTES = 512;
/** The least that VeraCrypt asks for in a header of version 5; VeraCrypt 1.26, Common/Volumes.h. */
const PROGRAM_VERSION = 0x010b;

/** A VeraCrypt volume: the header is written by us, read by cryptsetup, and the volume opened by it for what is in it. */
export function fillVeracrypt({ step, atEnd, fill }: Compiler, device: string, veracrypt: VeracryptContent): void {
  const { passphrase, hash, pim, content } = veracrypt;
  const flags = ["--hash", hash, "--cipher", "aes", "--veracrypt-pim", String(pim)];
  const name = `veracrypt-${device.replace(/^\/dev\/(mapper\/)?/, "").replaceAll("/", "-")}`;
  step({
    about: `VeraCrypt on ${device}`,
    program: "busybox",
    args: ["sh", "-c", 'busybox base64 -d | busybox dd of="$0" conv=notrunc', device],
    input: encodeHeader(veracrypt).toString("base64"),
  });
  step({ about: `the header on ${device}, as cryptsetup reads it`, program: "cryptsetup", args: ["tcryptDump", ...flags, device], input: passphrase });
  if (content === undefined) return;
  step({ about: `opening ${device}`, program: "cryptsetup", args: ["open", "--type", "tcrypt", ...flags, device, name], input: passphrase });
  atEnd({ about: `closing ${device}`, program: "cryptsetup", args: ["close", name] });
  fill(`/dev/mapper/${name}`, content);
}

/** Salt and keys are made from the passphrase: a recipe gives the same disk each time. */
function encodeHeader({ passphrase, hash, pim, sizeBytes }: VeracryptContent): Buffer {
  const made = (what: string) => createHash("sha512").update(`${what} of ${passphrase}`).digest();
  const kdf = KDFS.find((each) => each.type === "veracrypt" && each.hash === hash)!;
  const payloadBytes = sizeBytes - 2 * HEADER_AREA_BYTES;
  return encodeTruecryptHeader({
    type: "veracrypt", version: 5, programVersion: PROGRAM_VERSION, hiddenVolumeBytes: undefined, volumeBytes: payloadBytes,
    payloadOffsetBytes: HEADER_AREA_BYTES, payloadBytes, sectorBytes: SECTOR_BYTES, system: false, inPlace: false,
    keys: Buffer.concat([made("keys"), Buffer.alloc(256 - 64)]),
  }, made("salt"), { passphrase: Buffer.from(passphrase), hash, iterations: pimIterations(pim, kdf, false) });
}
