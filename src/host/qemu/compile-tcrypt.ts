import type { Compiler } from "./compile.ts";
import type { TcryptContent, TcryptVolume } from "./recipe.ts";

/** Bytes of one read of the tcplay program for a passphrase; tcplay 1.1, io.c, read_passphrase. */
const RECORD_BYTES = 255;

/** A TrueCrypt container made by the tcplay program, opened for what is in it, and then the hidden one. */
export function fillTcrypt(compiler: Compiler, device: string, tcrypt: TcryptContent): void {
  const { step, atEnd } = compiler;
  const { hidden } = tcrypt;
  const outerFiles = writeKeyFiles(compiler, device, "outer", tcrypt);
  const hiddenFiles = hidden === undefined ? [] : writeKeyFiles(compiler, device, "hidden", hidden);
  step({
    about: `TrueCrypt on ${device}`,
    program: "tcplay",
    args: [
      "--create", "--device", device, "--insecure-erase", "--weak-keys", "--pbkdf-prf", prf(tcrypt), "--cipher", chain(tcrypt), ...outerFiles.flatMap((file) => ["--keyfile", file]),
      ...(hidden === undefined ? [] : ["--hidden", "--pbkdf-prf-hidden", prf(hidden), "--cipher-hidden", chain(hidden), ...hiddenFiles.flatMap((file) => ["--keyfile-hidden", file])]),
    ],
    input: answers(tcrypt),
  });
  // Steps for the end come in front of those given before.
  if (tcrypt.destroy) atEnd({ about: `the headers at the start of ${device}, overwritten`, program: "busybox", args: ["dd", "if=/dev/zero", `of=${device}`, "bs=1024", "count=65", "conv=notrunc"] });
  if (tcrypt.isProtected && hidden !== undefined) return openProtected(compiler, device, tcrypt, hidden, { outerFiles, hiddenFiles });
  const close = openVolume(compiler, device, "", tcrypt, outerFiles);
  // Both lie on one device, which cryptsetup opens once.
  if (hidden === undefined) return void (close && atEnd(close));
  if (close) step(close);
  const closeHidden = openVolume(compiler, device, "-hidden", hidden, hiddenFiles, "--tcrypt-hidden");
  if (closeHidden) atEnd(closeHidden);
}

/** Opens and fills a volume that has a content; gives the step that closes it. */
function openVolume({ step, fill }: Compiler, device: string, suffix: string, { passphrase, hash, content }: TcryptVolume, keyFiles: string[], ...flags: string[]) {
  if (content === undefined) return undefined;
  const name = `tcrypt-${device.replace(/^\/dev\/(mapper\/)?/, "").replaceAll("/", "-")}${suffix}`;
  step({
    about: `opening ${device}${suffix === "" ? "" : ", hidden volume"}`,
    program: "cryptsetup",
    args: ["open", "--type", "tcrypt", "--disable-veracrypt", "--hash", hash, ...flags, ...keyFiles.flatMap((file) => ["--key-file", file]), device, name],
    input: passphrase || "\n", // the key files alone are the key
  });
  fill(`/dev/mapper/${name}`, content);
  return { about: `closing ${device}${suffix === "" ? "" : ", hidden volume"}`, program: "cryptsetup", args: ["close", name] };
}

/** Opens and fills the outer volume as far as the hidden one, which cryptsetup can't. */
function openProtected({ step, atEnd, fill }: Compiler, device: string, { passphrase, content }: TcryptVolume, hidden: TcryptVolume, { outerFiles, hiddenFiles }: { outerFiles: string[]; hiddenFiles: string[] }): void {
  const name = `tcrypt-${device.replace(/^\/dev\/(mapper\/)?/, "").replaceAll("/", "-")}`;
  step({
    about: `opening ${device}, its hidden volume protected`,
    program: "tcplay",
    args: ["--map", name, "--device", device, ...outerFiles.flatMap((file) => ["--keyfile", file]), "--protect-hidden", ...hiddenFiles.flatMap((file) => ["--keyfile-hidden", file])],
    input: record(passphrase) + record(hidden.passphrase),
  });
  atEnd({ about: `closing ${device}`, program: "tcplay", args: ["--unmap", name] });
  fill(`/dev/mapper/${name}`, content);
}

/** What the tcplay program asks: each passphrase twice, the size of the hidden volume, and whether it is meant. */
function answers({ passphrase, hidden }: TcryptContent): string {
  const twice = (secret: string) => record(secret) + record(secret);
  return `${twice(passphrase)}${hidden === undefined ? "" : `${twice(hidden.passphrase)}${hidden.sizeBytes}\n`}y\n`;
}

function record(passphrase: string): string {
  return passphrase + "\0".repeat(RECORD_BYTES - Buffer.byteLength(passphrase));
}

/** Writes key files into the builder's memory; gives their paths. */
export function writeKeyFiles({ step }: Compiler, device: string, which: string, { keyfiles }: { keyfiles: string[] }): string[] {
  return keyfiles.map((text, i) => {
    const path = `/run/key-${device.replaceAll("/", "-")}-${which}-${i}`;
    step({ about: `a key file of ${device}`, program: "busybox", args: ["dd", `of=${path}`], input: text });
    return path;
  });
}

/** The tcplay program's names. */
const prf = ({ hash }: TcryptVolume): string => (hash === "whirlpool" ? hash : hash.toUpperCase());
const chain = ({ cipher }: TcryptVolume): string => cipher.split("-").map((each) => `${each.toUpperCase()}-256-XTS`).join(",");
