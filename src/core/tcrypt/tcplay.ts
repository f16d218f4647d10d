import type { Context } from "../rc/types.ts";
import { ENV } from "./cryptsetup.ts";
import type { TcryptOptions } from "./options.ts";

/** Bytes of one read of the tcplay program for a passphrase, of which it takes the first 64; tcplay 1.1, io.c, read_passphrase. */
const RECORD_BYTES = 255;
const MAX_BYTES = 64;

/** Throws when the image was built without the program: it is optional there. */
export async function checkTcplay(ctx: Context): Promise<void> {
  await ctx.exec("tcplay", ["--version"], { env: ENV }).catch((cause: unknown) => {
    throw ctx.failure({
      tried: "opening with the tcplay program", on: ctx.realroot.device, found: "this image does not have it, or it does not run",
      next: "install tcplay where the image is built and build it again; without engine and protect-hidden cryptsetup opens the volume", cause,
    });
  });
}

/** Opens a TrueCrypt volume with the tcplay program, which looks for an outer and a hidden one; false when there is none. */
export async function openWithTcplay(ctx: Context, device: string, name: string, options: TcryptOptions, secret: { passphrase: Buffer; hidden: Buffer | undefined }, files: { outer: string[]; hidden: string[] }): Promise<boolean> {
  const args = [
    "--map", name, "--device", device,
    ...files.outer.flatMap((file) => ["--keyfile", file]),
    ...(options.protectHidden ? ["--protect-hidden"] : []),
    ...files.hidden.flatMap((file) => ["--keyfile-hidden", file]),
    ...(typeof options.system === "string" ? ["--system-encryption", options.system] : options.system ? ["--fde"] : []),
    ...(options.backup ? ["--use-backup"] : []),
  ];
  const input = records([secret.passphrase, ...(secret.hidden === undefined ? [] : [secret.hidden])]);
  try {
    const { exitCode, stdout, stderr } = await ctx.exec("tcplay", args, { input, env: ENV, accept: [1, 255] });
    if (exitCode === 0) return true;
    if (/Incorrect password/.test(stdout + stderr)) return false;
    throw ctx.failure({ tried: "opening with the tcplay program", on: device, found: (stdout + stderr).trim().split("\n").slice(-3).join("; ") });
  } finally {
    input.fill(0);
  }
}

/** What the tcplay program reads, one passphrase at each read(2): records of a fixed length, filled with zeros. */
function records(passphrases: Buffer[]): Buffer {
  const input = Buffer.alloc(passphrases.length * RECORD_BYTES);
  passphrases.forEach((passphrase, i) => passphrase.copy(input, i * RECORD_BYTES, 0, MAX_BYTES));
  return input;
}
