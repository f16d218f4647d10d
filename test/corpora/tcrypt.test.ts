import { expect, test } from "vitest";
import { HEADER_PLACES, readTruecryptHeader } from "../../src/core/formats/truecrypt.ts";
import { KDFS, type TcryptHash } from "../../src/core/formats/truecrypt-kdf.ts";
import { describeCorpus, type Entry } from "./corpus.ts";

interface Opened { passphrase: string; dm_tables?: string[]; rc: number }
interface Tcrypt { type: "TrueCrypt" | "VeraCrypt"; hash: TcryptHash; mode: string; cipher_chain_named: string[]; opened: Opened | Opened[] }
type Secret = { secret: { passphrase: string; keyfiles?: string[]; hidden_passphrase?: string; system?: boolean; veracrypt_pim?: number } };

describeCorpus<Tcrypt>("tcrypt", (entries, source) => {
  // AES alone is read here; cascades, old modes and key files are the engines' business.
  const readable = (entries as (Entry<Tcrypt> & Secret)[]).filter(({ secret, expect: { mode, cipher_chain_named: chain, hash } }) =>
    mode === "xts" && chain.join() === "aes" && KDFS.some((kdf) => kdf.hash === hash) && secret.keyfiles === undefined);

  test.each(readable)("$id: the header says where dm-crypt found the payload", async ({ files, secret, expect: { type, hash, opened } }) => {
    const image = source(files[0]?.file ?? "");
    const kdf = KDFS.find((each) => each.type === type.toLowerCase() && each.hash === hash)!;
    const iterations = (secret.system ? kdf.systemIterations : undefined) ?? kdf.iterations;
    const read = async (passphrase: string, place: number) => {
      const raw = await image.read(place < 0 ? image.sizeBytes + place : place, 512);
      return readTruecryptHeader(raw, { passphrase: Buffer.from(passphrase), hash, iterations }, image);
    };
    const outer = await read(secret.passphrase, secret.system ? HEADER_PLACES.system : HEADER_PLACES.primary);
    expect(outer).toMatchObject({ type: type.toLowerCase(), system: secret.system === true, hiddenVolumeBytes: undefined });
    const [first] = [opened].flat();
    // `t: START LENGTH crypt CIPHER KEY IV-OFFSET DEVICE OFFSET`
    const [, sectors, , , , ivSector] = (first?.dm_tables?.[0] ?? "").replace(/^t: /, "").split(" ");
    if (first?.dm_tables && !secret.system) expect([outer!.volumeBytes / 512, outer!.payloadOffsetBytes / 512]).toEqual([Number(sectors), Number(ivSector)]);
    if (secret.hidden_passphrase === undefined) return;
    expect(await read(secret.hidden_passphrase, HEADER_PLACES.hidden)).toMatchObject({ hiddenVolumeBytes: expect.any(Number) as number });
  }, 60_000);
});
