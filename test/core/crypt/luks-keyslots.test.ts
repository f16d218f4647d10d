import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { memorySource } from "../../../src/core/binary/source.ts";
import { openKeyslot } from "../../../src/core/crypt/luks-keyslots.ts";
import { MkinitrdError } from "../../../src/core/errors.ts";
import { probeLuks1 } from "../../../src/core/formats/luks1.ts";
import { probeLuks2 } from "../../../src/core/formats/luks2.ts";

const folder = mkdtempSync(join(tmpdir(), "luks-keyslots-"));
afterAll(() => rmSync(folder, { recursive: true }));
const missing = spawnSync("cryptsetup", ["--version"]).error !== undefined;

const PASSPHRASE = "correct horse";
const PBKDF2 = ["--pbkdf", "pbkdf2", "--pbkdf-force-iterations", "1000"];
const ARGON2 = (type: string) => ["--pbkdf", type, "--pbkdf-force-iterations", "4", "--pbkdf-memory", "64", "--pbkdf-parallel", "2"];

/** The ways in which cryptsetup writes a keyslot. */
const HEADERS = [
  { what: "LUKS1, xts", args: ["--type", "luks1", "-s", "512", "-c", "aes-xts-plain64", "--hash", "sha256", ...PBKDF2] },
  { what: "LUKS1, cbc-essiv, ripemd160", args: ["--type", "luks1", "-s", "256", "-c", "aes-cbc-essiv:sha256", "--hash", "ripemd160", ...PBKDF2] },
  { what: "LUKS1, a key that is no multiple of the hash", args: ["--type", "luks1", "-s", "192", "-c", "aes-cbc-plain64", "--hash", "sha1", ...PBKDF2] },
  { what: "LUKS2, argon2id", args: ["--type", "luks2", "-s", "512", ...ARGON2("argon2id")] },
  { what: "LUKS2, argon2i, 4096-byte sectors", args: ["--type", "luks2", "-s", "256", "--sector-size", "4096", ...ARGON2("argon2i")] },
  { what: "LUKS2, PBKDF2 with sha512, a keyslot with another cipher", args: ["--type", "luks2", "--hash", "sha512", "--keyslot-cipher", "aes-cbc-essiv:sha256", "--keyslot-key-size", "128", ...PBKDF2] },
];

describe.skipIf(missing)("a volume made by cryptsetup (skipped where it is missing)", () => {
  test.each(HEADERS)("$what: the passphrase gives the volume key that cryptsetup prints", async ({ args, what }) => {
    const { key, source } = make(what, args);
    const result = await openKeyslot(source, (await headerOf(source))!, Buffer.from(PASSPHRASE));
    expect("volumeKey" in result && result.volumeKey.toString("hex")).toBe(key);
    expect(await openKeyslot(source, (await headerOf(source))!, Buffer.from("correct Horse"))).toEqual({ refused: [] });
  }, 60_000);

  test("the keyslot that opened is named; one alone can be tried; an ignored one is left out", async () => {
    const { file, key } = make("several", HEADERS[3]!.args);
    const second = join(folder, "second");
    writeFileSync(second, "battery staple");
    execFileSync("cryptsetup", ["luksAddKey", "-q", "--key-slot", "3", ...ARGON2("argon2id"), "--key-file", "-", file, second], { input: PASSPHRASE });
    const open = async (passphrase: string, only?: number) => {
      const source = memorySource(readFileSync(file), file);
      const result = await openKeyslot(source, (await headerOf(source))!, Buffer.from(passphrase), only);
      return "volumeKey" in result ? [result.keyslot, result.volumeKey.toString("hex")] : undefined;
    };
    expect(await open("battery staple")).toEqual([3, key]);
    expect(await open("battery staple", 0)).toBeUndefined();
    execFileSync("cryptsetup", ["config", "-q", "--key-slot", "3", "--priority", "ignore", file]);
    expect(await open("battery staple")).toBeUndefined();
    expect(await open("battery staple", 3)).toEqual([3, key]);
  }, 60_000);

  test("a changed byte of the key material opens nothing", async () => {
    const { file } = make("changed", HEADERS[0]!.args);
    const bytes = readFileSync(file);
    bytes[8 * 512 + 100]! ^= 1;
    const source = memorySource(bytes, "changed");
    expect(await openKeyslot(source, (await headerOf(source))!, Buffer.from(PASSPHRASE))).toEqual({ refused: [] });
  }, 60_000);

  test("a hash and a cipher that nobody has here are named", async () => {
    const { source } = make("whirlpool", ["--type", "luks1", "--hash", "whirlpool", ...PBKDF2]);
    expect(await openKeyslot(source, (await headerOf(source))!, Buffer.from(PASSPHRASE))).toEqual({ refused: ["keyslot 0: the hash \"whirlpool\" is not here"] });
    const bytes = readFileSync(make("cast6", HEADERS[0]!.args).file);
    bytes.write("cast6\0\0", 8); // the cipher of a LUKS1 header, which has no checksum
    const serpent = memorySource(bytes, "serpent.img");
    await expect(openKeyslot(serpent, (await headerOf(serpent))!, Buffer.from(PASSPHRASE))).rejects.toThrow(/cast6/);
    await expect(openKeyslot(serpent, (await headerOf(serpent))!, Buffer.from(PASSPHRASE))).rejects.toThrow(MkinitrdError);
  }, 60_000);

  test("an area cut short is an error that names it", async () => {
    const { file } = make("short", HEADERS[0]!.args);
    truncateSync(file, 9 * 512);
    const source = memorySource(readFileSync(file), "short.img");
    await expect(openKeyslot(source, (await headerOf(source))!, Buffer.from(PASSPHRASE))).rejects.toThrow(/short\.img.*ends at byte 4608/);
  }, 60_000);
});

function make(name: string, args: string[]): { file: string; source: ReturnType<typeof memorySource>; key: string } {
  const file = join(folder, `${name.replaceAll(/\W/g, "-")}.img`);
  writeFileSync(file, "");
  truncateSync(file, 20 * 1024 * 1024);
  execFileSync("cryptsetup", ["luksFormat", "-q", ...args, file, "-"], { input: PASSPHRASE });
  const dump = execFileSync("cryptsetup", ["luksDump", "-q", "--dump-volume-key", "--key-file", "-", file], { input: PASSPHRASE, encoding: "utf8" });
  const [, hex = ""] = /MK dump:\s*([0-9a-f\s]+)/.exec(dump) ?? /Volume key dump:\s*([0-9a-f\s]+)/i.exec(dump) ?? [];
  return { file, source: memorySource(readFileSync(file), file), key: hex.replaceAll(/\s/g, "") };
}

async function headerOf(source: ReturnType<typeof memorySource>) {
  return (await probeLuks2(source)) ?? (await probeLuks1(source));
}
