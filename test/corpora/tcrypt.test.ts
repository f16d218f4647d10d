import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { type Source, window } from "../../src/core/binary/source.ts";
import type { Crypt } from "../../src/core/dm/crypt.ts";
import { tableLines } from "../../src/core/dm/table-text.ts";
import { withKeyFiles } from "../../src/core/formats/truecrypt-keyfiles.ts";
import { KDFS, type TcryptHash, type TcryptType } from "../../src/core/formats/truecrypt-kdf.ts";
import { findHeader, type FoundHeader } from "../../src/core/tcrypt/header-search.ts";
import { headerCiphers } from "../../src/core/tcrypt/header-cipher.ts";
import { openTcrypt } from "../../src/core/tcrypt/payload.ts";
import { planTrials } from "../../src/core/tcrypt/places.ts";
import { probe } from "../../src/core/volumes/probe.ts";
import { readPartitionTable } from "../../src/core/volumes/partitions.ts";
import { describeCorpus, type Entry } from "./corpus.ts";

interface Opened { passphrase: string; command: string; dm_tables?: string[]; rc: number; size?: number; sha256?: string }
interface Tcrypt { type: "TrueCrypt" | "VeraCrypt"; hash: TcryptHash; mode: string; cipher_chain_named: string[]; payload_fs_uuid: string; encrypted_partition?: number; opened: Opened | Opened[] }
type Image = Entry<Tcrypt> & { secret: { passphrase: string; keyfiles?: string[]; hidden_passphrase?: string; system?: boolean; veracrypt_pim?: number } };

describeCorpus<Tcrypt>("tcrypt", (entries, source) => {
  const images = entries as Image[];
  const isKnown = ({ hash }: Tcrypt) => KDFS.some((kdf) => kdf.hash === hash);
  const isReadable = ({ expect: { cipher_chain_named: chain, mode, ...of } }: Image) => [...headerCiphers("truecrypt"), ...headerCiphers("veracrypt")].some((cipher) => cipher.mode === mode && cipher.name === chain.join("-")) && isKnown({ ...of, cipher_chain_named: chain, mode });
  const search = async ({ expect: { hash, type }, files, secret }: Image, passphrase: string): Promise<{ found: FoundHeader | undefined; image: Source }> => {
    const image = source(files[0]!.file);
    const keyFiles = await Promise.all((secret.keyfiles ?? []).map((file) => readAll(source(file))));
    const trials = planTrials({ type: type.toLowerCase() as TcryptType, hash, hidden: "auto", backup: false, system: secret.system === true, pim: secret.veracrypt_pim });
    // The copies open with the same passphrase: what they hold is looked at by the tests of the search.
    return { image, found: await findHeader(image, withKeyFiles(Buffer.from(passphrase), keyFiles), trials.filter(({ place }) => !/backup/i.test(place)), { cipher: undefined }) };
  };

  test.each(images.filter(isReadable))("$id opens with the table and the bytes that the kernel had", async (entry) => {
    for (const [index, passphrase] of [entry.secret.passphrase, ...(entry.secret.hidden_passphrase === undefined ? [] : [entry.secret.hidden_passphrase])].entries()) {
      const { found, image } = await search(entry, passphrase);
      const opened = [entry.expect.opened].flat()[index]!;
      const partition = entry.expect.encrypted_partition === undefined ? undefined : (await readPartitionTable(image, undefined))!.partitions.find(({ number }) => number === entry.expect.encrypted_partition)!;
      const device = { path: "DEV", source: partition === undefined ? image : window(image, partition.startBytes, partition.sizeBytes) };
      const { source: payload, tables } = openTcrypt(found!, device, "t", partition && partition.startBytes / 512);
      expect((await probe(payload))?.uuid).toMatch(/^(DEAD|CAFE)-BABE$/);
      if (opened.rc !== 0) continue; // a hash that this cryptsetup has not: upstream's UUID is what there is
      const lines = tables.map(({ name, targets }) => `${name}: ${tableLines(targets, { showKeys: false })[0]!.replace(/0{64,}/, "KEY").replace(/\/dev\/mapper\/\S+/, "DEV")}`);
      expect(lines.toReversed()).toEqual(opened.dm_tables);
      expect([payload.sizeBytes, createHash("sha256").update(await readAll(payload)).digest("hex")]).toEqual([opened.size, opened.sha256]);
    }
  }, 300_000);

  test.each(images.filter((entry) => !isReadable(entry) && isKnown(entry.expect) && entry.expect.type === "TrueCrypt"))("$id, of what can't be computed here, is no other volume by mistake", async (entry) => {
    expect((await search(entry, entry.secret.passphrase)).found).toBeUndefined();
  }, 60_000);
});

describeCorpus<{ volume_key: string; volume_sectors: number; block_offset: number; opened: Opened }>("tcplay", (entries, source) => {
  test.each(entries as (Entry<{ volume_key: string; volume_sectors: number; block_offset: number; opened: Opened }> & Image)[])("$id opens with the volume key that tcplay says", async ({ expect: expected, files, secret }) => {
    const image = source(files[0]!.file);
    const found = await findHeader(image, Buffer.from(secret.passphrase), planTrials({ type: "veracrypt", hash: "sha512", hidden: "no", backup: false, system: false }).slice(0, 1), { cipher: "aes" });
    const { source: payload, tables: [table] } = openTcrypt(found!, { path: "DEV", source: image }, "t");
    const [target] = table!.targets as [Crypt];
    expect([target.key.toString("hex"), target.lengthSectors, target.deviceSector]).toEqual([expected.volume_key, expected.volume_sectors, expected.block_offset]);
    expect(createHash("sha256").update(await readAll(payload)).digest("hex")).toBe(expected.opened.sha256);
  }, 60_000);
});

const readAll = (from: Source): Promise<Buffer> => from.read(0, from.sizeBytes);
