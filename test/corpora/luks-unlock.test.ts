import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import type { Source } from "../../src/core/binary/source.ts";
import { openKeyslot } from "../../src/core/crypt/luks-keyslots.ts";
import { luksPayload } from "../../src/core/crypt/luks-payload.ts";
import { openCrypt } from "../../src/core/dm/crypt.ts";
import { MkinitrdError } from "../../src/core/errors.ts";
import { probeLuks1 } from "../../src/core/formats/luks1.ts";
import { probeLuks2 } from "../../src/core/formats/luks2.ts";
import { probe } from "../../src/core/volumes/probe.ts";
import { describeCorpus, type Entry } from "./corpus.ts";

interface Opened {
  rc: number;
  size: number;
  sha256?: string;
  blkid?: Record<string, string>;
}

interface Luks {
  must_be_refused?: boolean | string;
  volume_key?: string;
  payload?: { size: number; sha256: string; blkid?: Record<string, string> };
  opened?: Opened | Opened[];
}

interface Secret {
  passphrase?: string;
  passphrase_slot_5?: string;
  wrong?: string;
  keyfile?: string;
  keyfile_hex?: string;
}

/** Ciphers and hashes of these entries that OpenSSL has not, or a layer that is not there: a clear refusal is all that there can be. */
const BEYOND: Record<string, RegExp> = {
  "luks1_aes-xts-essiv-wp256-whirlpool": /whirlpool/,
  "luks1_serpent-xts-plain64-whirlpool": /whirlpool/,
  "l2-hmac-integrity": /integrity/,
  luks2_keyslot_unassigned: /no keyslot/,
  luks2_header_requirements: /its header requires "/,
};

for (const folder of ["luks", "luks-fresh"]) {
  describeCorpus<Luks>(folder, (entries, source) => {
    const secrets = entries.flatMap((entry) => {
      const secret = (entry as Entry<Luks> & { secret?: Secret }).secret;
      return secret === undefined || entry.expect.must_be_refused === true ? [] : [{ ...entry, secret }];
    });
    const keyOf = async ({ keyfile, keyfile_hex: hex, passphrase }: Secret): Promise<Buffer> =>
      passphrase !== undefined ? Buffer.from(passphrase) : hex !== undefined ? Buffer.from(hex, "hex") : readAll(source(keyfile ?? ""));
    const open = async (entry: Entry<Luks>, passphrase: Buffer, keyslot?: number): Promise<{ volumeKey: string; payload: Source }> => {
      const disk = source(entry.files[0]!.file);
      const headerSource = source((entry.files.find(({ file }) => file.includes(".header")) ?? entry.files[0]!).file);
      const header = (await probeLuks2(headerSource)) ?? (await probeLuks1(headerSource))!;
      const result = await openKeyslot(headerSource, header, passphrase, keyslot);
      if (!("volumeKey" in result)) throw new MkinitrdError({ tried: "opening", on: entry.id, found: `no keyslot: ${result.refused.join("; ")}` });
      return { volumeKey: result.volumeKey.toString("hex"), payload: openCrypt(luksPayload(header, result.volumeKey, { path: "disk", source: disk }, { detached: headerSource.name !== disk.name })) };
    };

    test.each(secrets.filter(({ id }) => BEYOND[id] === undefined))("$id is opened, and its payload is what the kernel read", async (entry) => {
      const { payload, volumeKey } = await open(entry, await keyOf(entry.secret));
      const { payload: fresh, volume_key: key } = entry.expect;
      if (key !== undefined) expect(volumeKey).toBe(key);
      const kernel = fresh ?? [entry.expect.opened].flat().find((opened) => opened?.rc === 0);
      expect(kernel).toBeDefined();
      expect(payload.sizeBytes).toBe(kernel!.size);
      if (kernel!.sha256 !== undefined) expect(createHash("sha256").update(await readAll(payload)).digest("hex")).toBe(kernel!.sha256);
      if (kernel!.blkid?.["TYPE"] !== undefined) expect((await probe(payload))?.type).toBe(kernel!.blkid["TYPE"]);
    }, 120_000);

    describe("a clear refusal", () => {
      test.each(secrets.filter(({ id }) => BEYOND[id] !== undefined))("is given for $id", async (entry) => {
        await expect(open(entry, await keyOf(entry.secret))).rejects.toThrow(BEYOND[entry.id]);
        await expect(open(entry, await keyOf(entry.secret))).rejects.toBeInstanceOf(MkinitrdError);
      }, 120_000);
    });

    test("a wrong passphrase opens nothing, another keyslot's opens the same key", async () => {
      for (const entry of secrets.filter(({ secret: { wrong } }) => wrong !== undefined)) {
        await expect(open(entry, Buffer.from(entry.secret.wrong!))).rejects.toThrow(/no keyslot/);
        if (entry.secret.passphrase_slot_5 === undefined) continue;
        await expect(open(entry, Buffer.from(entry.secret.passphrase_slot_5)), "its priority is 0").rejects.toThrow(/no keyslot/);
        expect((await open(entry, Buffer.from(entry.secret.passphrase_slot_5), 5)).volumeKey).toBe((await open(entry, await keyOf(entry.secret))).volumeKey);
      }
    }, 120_000);
  });
}

/** Small enough to be read at once. */
function readAll(source: Source): Promise<Buffer> {
  return source.read(0, source.sizeBytes);
}
