import fc from "fast-check";
import { expect, test } from "vitest";
import { parseCryptOptions } from "../../../src/core/crypt/options.ts";

const PLAIN = { type: "plain", cipher: "aes-xts-plain64", size: "512", hash: "sha256" };

test("what is not given has a default", () => {
  expect(parseCryptOptions({})).toEqual({ type: "luks", discard: false, readonly: false, performance: [], tries: 3 });
});

test("every option of a LUKS volume is read", () => {
  expect(parseCryptOptions({
    type: "luks2", discard: true, readonly: true, "no-read-workqueue": true, "no-write-workqueue": true, "same-cpu-crypt": true, "submit-from-crypt-cpus": true,
    tries: "5", keyslot: "0", header: "PARTLABEL=hdr", keyfile: "/k@UUID=1", "keyfile-offset": "512", "keyfile-size": "64", "keyfile-timeout": "10",
  })).toEqual({
    type: "luks", discard: true, readonly: true, tries: 5, keyslot: 0, header: "PARTLABEL=hdr",
    performance: ["--perf-no_read_workqueue", "--perf-no_write_workqueue", "--perf-same_cpu_crypt", "--perf-submit_from_crypt_cpus"],
    keyFile: { place: "/k@UUID=1", offsetBytes: 512, sizeBytes: 64, timeoutMs: 10_000 },
  });
});

test("tries=0 is as often as one likes, as crypttab has it", () => {
  expect(parseCryptOptions({ tries: "0" })).toMatchObject({ tries: 9999 });
});

test("a plain volume says how it is encrypted", () => {
  expect(parseCryptOptions({ ...PLAIN, offset: "8", skip: "0", "sector-size": "4096" })).toMatchObject({
    type: "plain", plain: { cipher: "aes-xts-plain64", keyBits: 512, hash: "sha256", offsetSectors: 8, skipSectors: 0, sectorBytes: 4096 },
  });
});

test.each([
  { options: { discard: "yes" }, key: "discard", reason: /"yes", and it takes no value/ },
  { options: { type: "tcrypt" }, key: "type", reason: /"tcrypt"/ },
  { options: { type: true }, key: "type", reason: /no value/ },
  { options: { tries: "10000" }, key: "tries", reason: /"10000", which is no whole number in range/ },
  { options: { tries: "3x" }, key: "tries", reason: /"3x", which is no whole number/ },
  { options: { keyslot: "32" }, key: "keyslot", reason: /in range/ },
  { options: { keyfile: true }, key: "keyfile", reason: /no value/ },
  { options: { keyfile: "root.key" }, key: "keyfile", reason: /no absolute path/ },
  { options: { keyfile: "/k@" }, key: "keyfile", reason: /no device behind the @/ },
  { options: { keyfile: "/k", "keyfile-size": "0" }, key: "keyfile-size", reason: /in range/ },
  { options: { keyfile: "/k", "keyfile-size": "8388609" }, key: "keyfile-size", reason: /in range/ },
  { options: { keyfile: "/k", "keyfile-offset": "-1" }, key: "keyfile-offset", reason: /no whole number/ },
  { options: { keyfile: "/k", "keyfile-timeout": "86401" }, key: "keyfile-timeout", reason: /in range/ },
  { options: { "keyfile-timeout": "5" }, key: "keyfile-timeout", reason: /there is no keyfile/ },
  { options: { header: "hdr" }, key: "header", reason: /"hdr"/ },
  { options: { cipher: "aes-xts-plain64" }, key: "cipher", reason: /it is of type=plain alone/ },
  { options: { ...PLAIN, header: "/h" }, key: "header", reason: /it is of type=luks alone/ },
  { options: { type: "plain" }, key: "cipher", reason: /missing, and a plain volume has no header/ },
  { options: { ...PLAIN, cipher: "--help" }, key: "cipher", reason: /"--help"/ },
  { options: { ...PLAIN, hash: "sha 256" }, key: "hash", reason: /"sha 256"/ },
  { options: { ...PLAIN, size: "100" }, key: "size", reason: /100 bits are no whole bytes/ },
  { options: { ...PLAIN, "sector-size": "600" }, key: "sector-size", reason: /no power of two/ },
] as { options: Record<string, string | true>; key: string; reason: RegExp }[])("$options is refused for $key", ({ options, key, reason }) => {
  expect(parseCryptOptions(options)).toMatchObject({ key, reason: expect.stringMatching(reason), next: expect.stringMatching(/./) });
});

test("any options are read or one of them has a reason against it", () => {
  const keys = ["type", "tries", "keyslot", "keyfile", "keyfile-size", "header", "cipher", "size", "hash", "discard", "sector-size"];
  const value = fc.oneof(fc.constant(true as const), fc.string(), fc.nat().map(String), fc.constantFrom("plain", "luks", "/k", "aes-xts-plain64", "sha256"));
  fc.assert(fc.property(fc.dictionary(fc.constantFrom(...keys), value), (options) => {
    const parsed = parseCryptOptions(options);
    if ("reason" in parsed) expect(parsed.key === "cipher" || parsed.key === "size" || parsed.key === "hash" || parsed.key in options).toBe(true);
    else expect(parsed.tries).toBeGreaterThan(0);
  }));
});
