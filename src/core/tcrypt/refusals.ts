import type { Context } from "../rc/types.ts";

/** Why cryptsetup could not open a volume though the passphrase fits, in its words, and what that means; cryptsetup 2.6, lib/tcrypt/tcrypt.c. */
const REFUSALS: { said: RegExp; found: string; next: string; copyMayHelp?: true }[] = [
  {
    said: /is too small/,
    found: "the header says that the volume is larger than the device",
    next: "check which device the realroot names, and whether its partition was made smaller",
    copyMayHelp: true,
  },
  {
    said: /legacy mode/,
    found: "a cipher mode of old TrueCrypt versions that the kernel has not: a cascade in CBC, or one with a cipher of 64-bit blocks",
    next: "copy its files into a new volume with TrueCrypt or VeraCrypt",
  },
  {
    said: /Cipher kuznyechik\S* .*not available/,
    found: "the kernel of this image lacks the cipher kuznyechik, which the option cipher names",
    next: "build the image with a kernel that has the module kuznyechik_generic: Linux itself has none",
  },
  {
    said: /kernel crypto interface not available/,
    found: "the kernel of this image lacks the cipher, or the modules algif_skcipher and xts",
    next: "check the option cipher, and what the build of the image said of missing modules",
  },
  {
    said: /already mapped or mounted/,
    found: "the device is in use: a volume on it is open already, or it is mounted",
    next: "open each device once: the outer volume or the hidden one",
  },
];

/** What an exit of cryptsetup means, and what to do. `opensByCopy` tells whether the copy of the header at the device's end opens, where that may be the way out. */
export async function explainRefusal(said: string, exitCode: number, opensByCopy: () => Promise<boolean> = async () => false): Promise<{ found: string; next?: string }> {
  const known = REFUSALS.find((refusal) => refusal.said.test(said));
  if (known === undefined) {
    const lines = said.trim().split("\n").filter((line) => !/^Command failed/.test(line)).slice(-3).join("; ");
    return { found: `exit code ${exitCode}${lines === "" ? "" : `: ${lines}`}` };
  }
  const { found, next, copyMayHelp = false } = known;
  if (!copyMayHelp || !(await opensByCopy())) return { found, next };
  return { found: `${found}; the copy of the header at the device's end opens with this passphrase and may say otherwise`, next: "put the option backup behind the realroot's" };
}

/** The hash that the realroot names is not there. */
export function lackingHash(ctx: Context, device: string, hash: string): Error {
  return ctx.failure({
    tried: "deriving the header key",
    on: device,
    found: `the cryptsetup of this image lacks the hash ${hash}`,
    next: "choose another hash in VeraCrypt (Volumes, Set Header Key Derivation Algorithm)",
  });
}
