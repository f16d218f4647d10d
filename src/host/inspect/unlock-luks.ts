import type { Source } from "../../core/binary/source.ts";
import { luksPayload } from "../../core/crypt/luks-payload.ts";
import { keyslotNumbers, notOpened, openKeyslot } from "../../core/crypt/luks-keyslots.ts";
import { openCrypt } from "../../core/dm/crypt.ts";
import { MkinitrdError } from "../../core/errors.ts";
import { type Luks1Header, probeLuks1 } from "../../core/formats/luks1.ts";
import { type Luks2Header, probeLuks2 } from "../../core/formats/luks2.ts";
import type { Volume } from "../../core/volumes/types.ts";
import type { Opened, Unlocker } from "./unlock.ts";

/** A header that lies elsewhere. */
export interface DetachedHeader {
  source: Source;
  /** How the spec that boots it names the header. */
  option: string;
}

/** A LUKS volume, opened under the name that systemd gives one without a crypttab; undefined when nobody has a passphrase. */
export async function unlockLuks(volume: Volume, source: Source, unlocker: Unlocker, detached?: DetachedHeader): Promise<Opened | undefined> {
  const from = detached?.source ?? source;
  const header = (await probeLuks2(from)) ?? (await probeLuks1(from));
  if (header === undefined) throw new MkinitrdError({ tried: "unlocking", on: volume.name, found: detached === undefined ? "its LUKS header is gone" : `${from.name} has no LUKS header`, ...(detached === undefined ? {} : { next: "check which file or volume --header names" }) });
  checkKeyslot(from, header, unlocker.keySlot);
  const key = await findKey(volume, from, header, unlocker);
  if (key === undefined) return undefined;
  const name = `luks-${header.uuid}`;
  const place = volume.path ?? volume.name;
  try {
    const target = luksPayload(header, key, { path: place, source }, { detached: detached !== undefined });
    const path = `/dev/mapper/${name}`;
    return {
      secrets: [key], tables: [{ name, targets: [{ type: "crypt", ...target }] }],
      device: {
        path, source: { ...openCrypt(target), name: path }, below: [place],
        dm: { name, uuid: `CRYPT-LUKS${"metadata" in header ? 2 : 1}-${header.uuid.replaceAll("-", "")}-${name}` },
        ...(detached === undefined ? {} : { openedBy: { kind: "crypt", name, options: { header: detached.option } } }),
      },
    };
  } catch (error) {
    key.fill(0);
    throw error;
  }
}

function checkKeyslot(source: Source, header: Luks1Header | Luks2Header, wanted: number | undefined): void {
  const known = keyslotNumbers(header);
  if (wanted === undefined || known.includes(wanted)) return;
  throw new MkinitrdError({ tried: `opening keyslot ${wanted}`, on: source.name, found: `it holds no key; those that do: ${known.length === 0 ? "none" : known.join(", ")}`, next: "name one of them, or leave out --key-slot" });
}

async function findKey(volume: Volume, source: Source, header: Luks1Header | Luks2Header, { ask, attempts, keySlot, onlyKeyFiles, passphrases }: Unlocker): Promise<Buffer | undefined> {
  let refused: string[] = [];
  for (const passphrase of passphrases) {
    const result = await openKeyslot(source, header, passphrase, keySlot);
    if ("volumeKey" in result) return result.volumeKey;
  }
  for (let attempt = 1; ; attempt++) {
    const passphrase = await ask(volume, attempt, "keyslot");
    if (passphrase === undefined && onlyKeyFiles) throw notOpened(source, refused);
    if (passphrase === undefined) return undefined;
    passphrases.push(passphrase);
    const result = await openKeyslot(source, header, passphrase, keySlot);
    if ("volumeKey" in result) return result.volumeKey;
    ({ refused } = result);
    if (attempt === attempts) throw notOpened(source, refused);
  }
}
