import type { Compiler } from "./compile.ts";
import type { PlainContent } from "./recipe.ts";

/** Plain dm-crypt, opened for what is in it. As a person types it the passphrase ends with its line; a key file is the key as it is. */
export function fillPlain({ step, atEnd, fill }: Compiler, device: string, plain: PlainContent): void {
  const { passphrase, isKey, content } = plain;
  if (content === undefined) return;
  const name = `plain-${device.replace(/^\/dev\/(mapper\/)?/, "").replaceAll("/", "-")}`;
  step({
    about: `plain dm-crypt on ${device}`,
    program: "cryptsetup",
    args: ["open", "--batch-mode", "--type", "plain", ...formatArguments(plain), ...(isKey ? ["--key-file", "-"] : []), device, name],
    input: isKey ? passphrase : `${passphrase}\n`,
  });
  atEnd({ about: `closing ${device}`, program: "cryptsetup", args: ["close", name] });
  fill(`/dev/mapper/${name}`, content);
}

function formatArguments({ cipher, keyBits, hash, isKey, offsetSectors, skipSectors, sectorBytes }: PlainContent): string[] {
  return [
    "--cipher", cipher, "--key-size", String(keyBits), "--hash", isKey ? "plain" : hash,
    ...(offsetSectors === 0 ? [] : ["--offset", String(offsetSectors)]),
    ...(skipSectors === 0 ? [] : ["--skip", String(skipSectors)]),
    ...(sectorBytes === 512 ? [] : ["--sector-size", String(sectorBytes)]),
  ];
}
