import { expect, test } from "vitest";
import { memorySource } from "../../../src/core/binary/source.ts";
import { openKeyslot } from "../../../src/core/crypt/luks-keyslots.ts";
import { probeLuks1 } from "../../../src/core/formats/luks1.ts";
import { type Luks2Header, probeLuks2 } from "../../../src/core/formats/luks2.ts";
import type { Luks2Keyslot } from "../../../src/core/formats/luks2-keyslot.ts";
import { fixture } from "../../fixtures/fixture.ts";

// What a header with a right checksum may say, and no cryptsetup writes.
const DISK = await fixture("luks2/argon2.img.gz");
const HEADER = (await probeLuks2(DISK))!;
const SALT = Buffer.alloc(32, 5).toString("base64");
const CHEAP = { type: "pbkdf2", hash: "sha256", iterations: 1, salt: SALT } as const;

/** The header with one keyslot, that is changed, and one digest. */
function hostile(keyslot: Partial<Luks2Keyslot>, digest: object = {}): Luks2Header {
  const { digests: [first], keyslots: [slot] } = HEADER.metadata;
  return { ...HEADER, metadata: { ...HEADER.metadata, keyslots: [{ ...slot!, kdf: CHEAP, ...keyslot }], digests: [{ ...first!, pbkdf2: { ...first!.pbkdf2!, iterations: 1, ...digest } }] } };
}

const AREA = HEADER.metadata.keyslots[0]!.area;
const PASSPHRASE = Buffer.from("x");

test.each([
  { what: "PBKDF2 without an iteration", header: hostile({ kdf: { ...CHEAP, iterations: 0 } }), found: /its key derivation can't be done: / },
  { what: "PBKDF2 with more iterations than 31 bits", header: hostile({ kdf: { ...CHEAP, iterations: 4294967295 } }), found: /its key derivation can't be done: / },
  { what: "Argon2 without a pass", header: hostile({ kdf: { type: "argon2id", time: 0, memoryKib: 64, cpus: 1, salt: SALT } }), found: /its key derivation can't be done: / },
  { what: "Argon2 with less memory than its threads take", header: hostile({ kdf: { type: "argon2id", time: 1, memoryKib: 7, cpus: 4, salt: SALT } }), found: /its key derivation can't be done: / },
  { what: "Argon2 without a salt", header: hostile({ kdf: { type: "argon2i", time: 1, memoryKib: 64, cpus: 1, salt: "" } }), found: /its key derivation can't be done: / },
  { what: "an area's key of 4 GiB", header: hostile({ area: { ...AREA, keyBytes: 4294967295 } }), found: /its area is encrypted with a key of 4294967295 bytes/ },
  { what: "an area's key of no byte", header: hostile({ area: { ...AREA, keyBytes: 0 } }), found: /its area is encrypted with a key of 0 bytes/ },
  { what: "a volume key of 4 GiB", header: hostile({ keyBytes: 4294967295 }), found: /it holds a key of 4294967295 bytes/ },
  { what: "stripes that fill memory", header: hostile({ antiForensic: { stripes: 4294967295, hash: "sha256" } }), found: /its key lies in 4294967295 stripes; known: 4000/ },
  { what: "no stripe", header: hostile({ antiForensic: { stripes: 0, hash: "sha256" } }), found: /its key lies in 0 stripes; known: 4000/ },
  { what: "a digest of no byte, which every key would have", header: hostile({}, { digest: "" }), found: /no digest says which key is right/ },
  { what: "a digest without an iteration", header: hostile({}, { iterations: 0 }), found: /no digest says which key is right/ },
])("a keyslot with $what can't be tried, and that is said", async ({ found, header }) => {
  const result = await openKeyslot(DISK, header, PASSPHRASE);
  expect(result).toEqual({ refused: [expect.stringMatching(found)] });
  expect("refused" in result && result.refused[0]).toMatch(/^keyslot 0: /);
});

test("LUKS1 whose digest or keyslot has no iteration opens nothing, and says why", async () => {
  const header = (await probeLuks1(memorySource(await (await fixture("luks1/two-keyslots.img.gz")).read(0, 8192), "luks1")))!;
  const source = memorySource(Buffer.alloc(4 * 1024 * 1024), "luks1");
  const cheap = { ...header, digestIterations: 1, keyslots: header.keyslots.map((keyslot) => ({ ...keyslot, iterations: 0 })) };
  expect(await openKeyslot(source, cheap, PASSPHRASE)).toEqual({ refused: header.keyslots.filter(({ active }) => active).map(({ number }) => expect.stringMatching(`^keyslot ${number}: its key derivation can't be done: `)) });
});
