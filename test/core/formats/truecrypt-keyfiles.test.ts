import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { encodeTruecryptHeader } from "../../../src/core/formats/truecrypt.ts";
import { withKeyFiles } from "../../../src/core/formats/truecrypt-keyfiles.ts";
import { findProgram } from "../../../tools/packages.js";

const MIB = 2 ** 20;
const missing = findProgram("cryptsetup") === undefined ? " (skipped without cryptsetup)" : "";
const all = Buffer.from(Array.from({ length: 2 * MIB }, (_, i) => (i * i + (i >> 8)) & 0xff));

// cryptsetup reads the header of a file: it is the witness that the key is the same.
test.skipIf(missing !== "").each([
  { what: "one key file", passphrase: "correct horse", files: [all.subarray(0, 100)] },
  { what: "two key files", passphrase: "correct horse", files: [all.subarray(0, 100), all.subarray(7, 8192)] },
  { what: "a key file of more than 1 MiB, which counts so far", passphrase: "correct horse", files: [all] },
  { what: "a key file alone", passphrase: "", files: [all.subarray(0, 64)] },
  { what: "a passphrase of more than 64 bytes, as VeraCrypt has them", passphrase: "correct horse ".repeat(8), files: [all.subarray(0, 1000)] },
])(`$what: cryptsetup derives the same key${missing}`, ({ passphrase, files }) => {
  const directory = mkdtempSync(join(tmpdir(), "truecrypt-keyfiles-"));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  const salt = Buffer.alloc(64, 7);
  const keys = Buffer.concat([Buffer.alloc(64, 9), Buffer.alloc(192)]);
  const header = encodeTruecryptHeader({
    type: "veracrypt", version: 5, programVersion: 0x010b, hiddenVolumeBytes: undefined, volumeBytes: MIB, payloadOffsetBytes: 131072, payloadBytes: MIB, sectorBytes: 512, system: false, inPlace: false, keys,
  }, salt, { passphrase: withKeyFiles(Buffer.from(passphrase), files), hash: "sha256", iterations: 16_000 });
  const disk = join(directory, "disk.img");
  writeFileSync(disk, Buffer.concat([header], 2 * MIB));
  const flags = files.flatMap((bytes, i) => {
    writeFileSync(join(directory, `key-${i}`), bytes);
    return ["--key-file", join(directory, `key-${i}`)];
  });
  const dump = (...more: string[]) => execFileSync("cryptsetup", ["tcryptDump", "--veracrypt-pim", "1", "--hash", "sha256", "--cipher", "aes", ...more, disk], { input: passphrase || "\n", encoding: "utf8", stdio: ["pipe", "pipe", "ignore"] });
  expect(dump(...flags)).toMatch(/^MK offset:\s+131072$/m);
  expect(() => dump(...flags.slice(2))).toThrow(); // with one less
});

test("without key files a passphrase is itself, in memory of its own", () => {
  const passphrase = Buffer.from("correct horse");
  const made = withKeyFiles(passphrase, []);
  passphrase.fill(0);
  expect(made.toString()).toBe("correct horse");
});
