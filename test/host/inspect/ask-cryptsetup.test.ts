import { spawnSync } from "node:child_process";
import { closeSync, openSync, readFileSync, readSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { describe, expect, test } from "vitest";
import { memorySource, type Source } from "../../../src/core/binary/source.ts";
import type { Exec, ExecOptions } from "../../../src/core/exec.ts";
import { exec } from "../../../src/host/exec.ts";
import { askCryptsetup, type CryptsetupAnswer } from "../../../src/host/inspect/ask-cryptsetup.ts";
import { parseTcryptWish } from "../../../src/host/inspect/wishes.ts";
import { fixtureBytes } from "../../fixtures/fixture.ts";
import { tcryptVolume } from "../../fixtures/truecrypt/volume.ts";

const RIGHT = Buffer.from("correct horse");
const volume = tcryptVolume({ type: "truecrypt", hash: "sha512", iterations: 1000, passphrase: RIGHT, payload: fixtureBytes("fs/ext4.img.gz"), places: ["primary", "backup"] });
const source = memorySource(volume);
const noCryptsetup = spawnSync("cryptsetup", ["--version"]).error !== undefined;

const ask = (options: string, passphrase = RIGHT, run: Exec = exec, of = source): Promise<CryptsetupAnswer> =>
  askCryptsetup(run, of, parseTcryptWish(`volume,${options}`).options, passphrase, () => {});

describe.skipIf(noCryptsetup)("cryptsetup itself (skipped where it is missing)", () => {
  const plain = "type=truecrypt,hash=sha512,cipher=aes"; // computed without the kernel

  test("says what a header is", async () => {
    expect(await ask(plain)).toEqual({ header: "TrueCrypt, SHA-512, aes, xts-plain64, sha512" });
  });

  test("opens the copy at the volume's end, too", async () => {
    const damaged = Buffer.from(volume).fill(0xa5, 64, 512);
    expect(await ask(plain, RIGHT, exec, memorySource(damaged))).not.toHaveProperty("header");
    expect(await ask(`${plain},backup`, RIGHT, exec, memorySource(damaged))).toEqual({ header: expect.stringContaining("xts-plain64") });
  });

  test("does not know a header with another passphrase", async () => {
    expect(await ask(plain, Buffer.from("wrong horse"))).not.toHaveProperty("header");
  });
});

/** A cryptsetup that answers each dump with the next of these, and what it was given. */
function recorded(...answers: { exitCode?: number; stderr?: string; stdout?: string }[]) {
  const dumps: { args: string[]; input: ExecOptions["input"]; env: ExecOptions["env"] }[] = [];
  const run: Exec = async (_, args, { env, input } = {}) => {
    if (args[0] === "--version") return { exitCode: 0, stdout: "cryptsetup 2.6.1", stderr: "" };
    dumps.push({ args, env, input: Buffer.from(input ?? "") });
    return { exitCode: 2, stderr: "", stdout: "", ...answers[dumps.length - 1] };
  };
  return { dumps, run };
}

// What cryptsetup 2.6.1 printed of a TrueCrypt 4.0 volume where the kernel's ciphers are to be had.
const CASCADE = "TCRYPT header information for /tmp/x\nVersion:       \t2\nDriver req.:\t1.0\nSector size:\t512\nMK offset:\t512\nPBKDF2 hash:\tripemd160\nCipher chain:\ttwofish-aes\nCipher mode:\tcbci-tcrypt\nMK bits:       \t768\n";

test("the first kind that opens is told", async () => {
  const { dumps, run } = recorded({}, { exitCode: 0, stdout: CASCADE });
  expect(await ask("type=truecrypt", RIGHT, run)).toEqual({ header: "TrueCrypt, hidden volume, twofish-aes, cbci-tcrypt, ripemd160" });
  expect(dumps.map(({ args }) => args.slice(0, -1))).toEqual([["tcryptDump", "--disable-veracrypt"], ["tcryptDump", "--disable-veracrypt", "--tcrypt-hidden"]]);
  expect(dumps.map(({ input }) => input)).toEqual([RIGHT, RIGHT]);
  expect(JSON.stringify(dumps.map(({ args, env }) => [args, env]))).not.toContain("horse");
});

test("it gets both ends of the volume in a file of its own, which is gone afterwards", async () => {
  const tail = Buffer.alloc(4096, "the end");
  const large: Source = { name: "large", sizeBytes: 2 ** 40, read: async (at: number, length: number) => { const bytes = Buffer.alloc(length, at === 0 ? "head" : 0); if (at + length === 2 ** 40) tail.copy(bytes, length - tail.length); return bytes; } };
  let file = "";
  await ask("type=truecrypt,hidden=no", RIGHT, async (_, args) => {
    if (args[0] === "--version") return { exitCode: 0, stdout: "", stderr: "" };
    file = args.at(-1)!;
    const { blocks, mode, size } = statSync(file);
    expect([size, mode & 0o777, blocks * 512 <= 1024 * 1024]).toEqual([2 ** 40, 0o600, true]);
    const [head, end] = [Buffer.alloc(4), Buffer.alloc(4096)];
    const descriptor = openSync(file, "r");
    readSync(descriptor, head, 0, 4, 0);
    readSync(descriptor, end, 0, 4096, 2 ** 40 - 4096);
    closeSync(descriptor);
    expect([head.toString(), end]).toEqual(["head", tail]);
    return { exitCode: 2, stdout: "", stderr: "" };
  }, large);
  expect(file).not.toBe("");
  expect(() => readFileSync(file)).toThrow("ENOENT");
  expect(() => statSync(dirname(file))).toThrow("ENOENT");
});

test("key files and PIM go along; key files alone are an empty line", async () => {
  const { dumps, run } = recorded();
  expect(await ask("type=veracrypt,hash=sha512,hidden=no,pim=7,keyfile=/k/one,no-passphrase", Buffer.alloc(0), run)).toEqual({});
  expect(dumps).toEqual([expect.objectContaining({ args: ["tcryptDump", "--veracrypt", "--hash", "sha512", "--key-file", "/k/one", "--veracrypt-pim", "7", expect.any(String)], input: Buffer.from("\n") })]);
});

test("why it could not be asked is told at once; a hash that it lacks is passed over", async () => {
  const kernel = recorded({ exitCode: 1, stderr: "Required kernel crypto interface not available.\nEnsure you have algif_skcipher kernel module loaded.\n" });
  expect(await ask("type=truecrypt", RIGHT, kernel.run)).toEqual({ silence: "Required kernel crypto interface not available. Ensure you have algif_skcipher kernel module loaded." });
  expect(kernel.dumps).toHaveLength(1);
  const hash = recorded({ exitCode: 1, stderr: "PBKDF2 hash algorithm stribog512 not available, skipping.\n" }, { exitCode: 0, stdout: CASCADE });
  expect(await ask("type=truecrypt", RIGHT, hash.run)).toMatchObject({ header: expect.stringContaining("hidden") });
});

test("headers that can't be copied are a reason, too", async () => {
  const { dumps, run } = recorded();
  const broken: Source = { name: "broken", sizeBytes: 2 ** 20, read: () => Promise.reject(new Error("I/O error")) };
  expect(await ask("type=truecrypt", RIGHT, run, broken)).toEqual({ silence: expect.stringContaining("I/O error") });
  expect(dumps).toEqual([]);
});

test("where it is not installed nobody is asked, nor with a passphrase that has a line end, of which it would take a part", async () => {
  const missing: Exec = () => Promise.reject(new Error("ENOENT"));
  expect(await ask("type=truecrypt", RIGHT, missing)).toEqual({});
  const { dumps, run } = recorded();
  expect(await ask("type=truecrypt", Buffer.from("two\nlines"), run)).toEqual({});
  expect(dumps).toEqual([]);
});
