import { randomBytes } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { MkinitrdError } from "../../core/errors.ts";
import { DEFAULT_RESCUE, type RescuePolicy } from "../../core/rc/boot-config.ts";
import { hashPassword, SALT_BYTES } from "../../core/rescue/password.ts";
import { cacheDirectory, cacheError, makeCacheDirectory } from "../cache.ts";
import type { FileMemo } from "../file-memo.ts";
import { describeIoError } from "../read-text.ts";
import { statOf } from "../stat.ts";

/** The policy as the configuration gives it: the password may lie in a file. */
export type RescueSettings = RescuePolicy & { passwordFile?: string };

const LONGEST_PASSWORD_BYTES = 512;

/** What the boot obeys when it fails. Throws when it would give a shell that nothing guards in an encrypted image. */
export async function planRescue(settings: RescueSettings | undefined, encrypted: boolean, memo: FileMemo): Promise<RescuePolicy> {
  const { passwordFile, ...policy }: RescueSettings = settings ?? DEFAULT_RESCUE;
  const passwordHash = passwordFile === undefined ? policy.passwordHash : await hashOnce(passwordFile, memo);
  if (policy.onFailure === "shell" && encrypted && passwordHash === undefined) {
    throw new MkinitrdError({
      tried: "planning what a failed boot does",
      on: "rescue.on-failure: shell",
      found: "the image opens encrypted roots, and whoever sits at the keyboard would get a shell",
      next: "set rescue.password-file, or another on-failure",
    });
  }
  return { ...policy, ...(passwordHash === undefined ? {} : { passwordHash }) };
}

/** Deriving it takes a second: once for each file. */
async function hashOnce(file: string, memo: FileMemo): Promise<string> {
  const stats = statOf(file);
  if (stats?.isFile() !== true) throw unreadable(file, stats === undefined ? "no such file" : stats.isDirectory() ? "it is a directory" : "it is no regular file");
  return memo.get(file, "rescue password", async () => hashFile(file));
}

function hashFile(file: string): string {
  const password = readPassword(file);
  try {
    return hashPassword(password, machineSalt());
  } finally {
    password.fill(0);
  }
}

/** The file's only line, without its end. */
function readPassword(file: string): Buffer {
  let bytes: Buffer;
  try {
    bytes = readFileSync(file);
  } catch (cause) {
    throw unreadable(file, describeIoError(cause), cause);
  }
  const end = bytes.findLastIndex((byte) => byte !== 0x0a && byte !== 0x0d) + 1;
  const wrong = end === 0 ? "it is empty"
    : end > LONGEST_PASSWORD_BYTES ? `it has ${end} bytes; ${LONGEST_PASSWORD_BYTES} are the most`
    : bytes.subarray(0, end).some((byte) => byte < 0x20 || byte === 0x7f) ? "it has several lines, or control characters, which nobody can type"
    : undefined;
  if (wrong === undefined) return bytes.subarray(0, end);
  bytes.fill(0);
  throw new MkinitrdError({ tried: TRIED, on: file, found: wrong, next: "write the password as the file's only line" });
}

const TRIED = "reading the rescue password";

function unreadable(file: string, found: string, cause?: unknown): MkinitrdError {
  return new MkinitrdError({ tried: TRIED, on: file, found, next: "correct rescue.password-file in the configuration", cause });
}

/** Made once and kept: so a second build gives the same image, and no two machines have one hash for one password. */
function machineSalt(): Buffer {
  const file = join(cacheDirectory(), "rescue-salt");
  try {
    const kept = readFileSync(file);
    if (kept.length === SALT_BYTES) return kept;
  } catch {
    // The first one.
  }
  const salt = randomBytes(SALT_BYTES);
  makeCacheDirectory(cacheDirectory());
  try {
    writeFileSync(file, salt, { mode: 0o600 });
  } catch (cause) {
    throw cacheError(file, cause);
  }
  return salt;
}
