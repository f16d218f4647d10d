import type { Compiler } from "./compile.ts";
import type { PlainContent } from "./recipe.ts";

/** Plain dm-crypt, opened for what is in it. As a person types it: the passphrase ends with its line. */
export function fillPlain({ step, atEnd, fill }: Compiler, device: string, { passphrase, cipher, keyBits, hash, content }: PlainContent): void {
  if (content === undefined) return;
  const name = `plain-${device.replace(/^\/dev\/(mapper\/)?/, "").replaceAll("/", "-")}`;
  step({
    about: `plain dm-crypt on ${device}`,
    program: "cryptsetup",
    args: ["open", "--batch-mode", "--type", "plain", "--cipher", cipher, "--key-size", String(keyBits), "--hash", hash, device, name],
    input: `${passphrase}\n`,
  });
  atEnd({ about: `closing ${device}`, program: "cryptsetup", args: ["close", name] });
  fill(`/dev/mapper/${name}`, content);
}
