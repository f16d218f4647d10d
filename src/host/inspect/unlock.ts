import type { Source } from "../../core/binary/source.ts";
import { luksPayload } from "../../core/crypt/luks-payload.ts";
import { notOpened, openKeyslot } from "../../core/crypt/luks-keyslots.ts";
import { openCrypt } from "../../core/dm/crypt.ts";
import { explain, MkinitrdError } from "../../core/errors.ts";
import { probeLuks1 } from "../../core/formats/luks1.ts";
import { probeLuks2 } from "../../core/formats/luks2.ts";
import type { LvTable } from "../../core/volumes/lvm-targets.ts";
import type { BlockDevice, Volume } from "../../core/volumes/types.ts";
import { surveyDisks, type WholeSurvey } from "./survey.ts";

/** Asks for the passphrase of a volume; undefined when the person goes on without. The caller of `ask` wipes what it gets. */
export type Ask = (volume: Volume, attempt: number) => Promise<Buffer | undefined>;

const ATTEMPTS = 3;
/** LUKS on LVM in LUKS …: more than anybody has, and an end to a disk that holds itself. */
const MOST_OPENED = 64;

/** What was found, with what lies in the LUKS volumes that could be opened. */
export interface Unlocked extends WholeSurvey {
  /** The tables of the LUKS volumes that were opened. */
  tables: LvTable[];
  /** What could not be opened, by volume, and why. */
  problems: string[];
  /** Wipes the keys. */
  close(): Promise<void>;
}

/**
 * Surveys the devices, asks for the passphrase of each LUKS volume that appears, and goes on inside. A passphrase that opened one is
 * tried on the next before it is asked for.
 */
export async function surveyUnlocked(devices: BlockDevice[], ask: Ask): Promise<Unlocked> {
  const opened: Opened[] = [];
  const passphrases: Buffer[] = [];
  const problems: string[] = [];
  const done = new Set<string>();
  const close = async (): Promise<void> => {
    for (const { device, key } of opened) {
      await device.source.close?.();
      key.fill(0);
    }
  };
  try {
    for (;;) {
      const found = await surveyDisks([...devices, ...opened.map(({ device }) => device)]);
      const next = found.volumes.find(({ content, name, source }) => content?.type === "crypto_LUKS" && source !== undefined && !done.has(name));
      if (next === undefined || opened.length >= MOST_OPENED) return { ...found, tables: opened.map(({ table }) => table), problems, close };
      done.add(next.name);
      try {
        const unlocked = await unlock(next, next.source!, passphrases, ask);
        if (unlocked !== undefined) opened.push(unlocked);
      } catch (error) {
        if (!(error instanceof MkinitrdError)) throw error;
        problems.push(explain(error));
      }
    }
  } catch (error) {
    await close();
    throw error;
  } finally {
    for (const passphrase of passphrases) passphrase.fill(0);
  }
}

interface Opened {
  device: BlockDevice;
  key: Buffer;
  table: LvTable;
}

/** The opened volume as a device, under the name that systemd gives one without a crypttab; undefined when nobody has a passphrase. */
async function unlock(volume: Volume, source: Source, passphrases: Buffer[], ask: Ask): Promise<Opened | undefined> {
  const header = (await probeLuks2(source)) ?? (await probeLuks1(source));
  if (header === undefined) throw new MkinitrdError({ tried: "unlocking", on: volume.name, found: "its LUKS header is gone" });
  const key = await findKey(volume, source, header, passphrases, ask);
  if (key === undefined) return undefined;
  const name = `luks-${header.uuid}`;
  const version = "metadata" in header ? 2 : 1;
  try {
    const target = luksPayload(header, key, { path: volume.path ?? volume.name, source });
    const path = `/dev/mapper/${name}`;
    return { key, table: { name, targets: [{ type: "crypt", ...target }] }, device: { path, source: { ...openCrypt(target), name: path }, dm: { name, uuid: `CRYPT-LUKS${version}-${header.uuid.replaceAll("-", "")}-${name}` }, below: [volume.path ?? volume.name] } };
  } catch (error) {
    key.fill(0);
    throw error;
  }
}

async function findKey(volume: Volume, source: Source, header: Parameters<typeof openKeyslot>[1], passphrases: Buffer[], ask: Ask): Promise<Buffer | undefined> {
  for (const passphrase of passphrases) {
    const result = await openKeyslot(source, header, passphrase);
    if ("volumeKey" in result) return result.volumeKey;
  }
  for (let attempt = 1; ; attempt++) {
    const passphrase = await ask(volume, attempt);
    if (passphrase === undefined) return undefined;
    passphrases.push(passphrase);
    const result = await openKeyslot(source, header, passphrase);
    if ("volumeKey" in result) return result.volumeKey;
    if (attempt === ATTEMPTS) throw notOpened(source, result.refused);
  }
}
