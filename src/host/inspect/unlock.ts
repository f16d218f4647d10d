import { explain, MkinitrdError } from "../../core/errors.ts";
import { quote } from "../../core/quote.ts";
import { listVolumes } from "../../core/volumes/describe.ts";
import { findVolumes } from "../../core/volumes/match.ts";
import type { LvTable } from "../../core/volumes/lvm-targets.ts";
import type { BlockDevice, Content, Volume } from "../../core/volumes/types.ts";
import { AskingEnded } from "../ask-passphrase.ts";
import { openDetachedHeader } from "./detached-header.ts";
import { verifying } from "./find.ts";
import { surveyDisks, type WholeSurvey } from "./survey.ts";
import { unlockLuks } from "./unlock-luks.ts";
import { unlockTcrypt } from "./unlock-tcrypt.ts";
import type { HeaderWish, TcryptWish } from "./wishes.ts";

/**
 * Asks for the passphrase of a volume; undefined when the person goes on without. `opens` is what a passphrase opens there. The caller of
 * `ask` wipes what it gets.
 */
export type Ask = (volume: Volume, attempt: number, opens: "keyslot" | "header") => Promise<Buffer | undefined>;

/** What to open beside the LUKS volumes that are seen, and how. */
export interface UnlockWishes {
  /** Whether LUKS volumes that nobody has named are opened; they are when not given. */
  luks?: boolean;
  tcrypt?: readonly TcryptWish[];
  headers?: readonly HeaderWish[];
  /** The keyslot that passphrases are tried on. */
  keySlot?: number | undefined;
  /** How many passphrases each volume is worth. */
  attempts?: number;
  /** Nobody is there to type: what a volume that was named is not opened by is a problem. */
  onlyKeyFiles?: boolean;
  askPim?: Unlocker["askPim"];
  say?: Unlocker["say"];
  /** Looks at what lies on devices; surveyDisks when not given. */
  survey?: (devices: readonly BlockDevice[]) => Promise<WholeSurvey>;
}

/** What opening a volume needs. */
export interface Unlocker {
  ask: Ask;
  askPim(volume: Volume): Promise<number | undefined>;
  attempts: number;
  onlyKeyFiles: boolean;
  keySlot: number | undefined;
  /** All that were typed; wiped in the end. */
  passphrases: Buffer[];
  /** Shows what takes long while it does. */
  say(about: string | undefined): void;
}

/** A table of an encrypted volume; a cascade has several. */
export interface OpenedTable extends LvTable {
  /** The name of the device that it is made for, when that is not its own. */
  of?: string;
}

export interface Opened {
  device: BlockDevice;
  tables: OpenedTable[];
  /** To wipe when the device is closed. */
  secrets: Buffer[];
}

const ATTEMPTS = 3;
/** LUKS on LVM in LUKS …: more than anybody has, and an end to a disk that holds itself. */
const MOST_OPENED = 64;

/** What was found, with what lies in the encrypted volumes that could be opened. */
export interface Unlocked extends WholeSurvey {
  /** The tables of the encrypted volumes that were opened. */
  tables: OpenedTable[];
  /** What could not be opened, by volume, and why. */
  problems: string[];
  /** Wipes the keys. */
  close(): Promise<void>;
}

/**
 * Surveys the devices, asks for the passphrase of each LUKS volume that appears and of each that is wished for, and goes on inside. A
 * passphrase that opened one is tried on the next before it is asked for.
 */
export async function surveyUnlocked(devices: BlockDevice[], ask: Ask, wishes: UnlockWishes = {}): Promise<Unlocked> {
  const opened: Opened[] = [];
  const contents = new Map<string, Content>();
  const problems: string[] = [];
  const done = new Set<string>();
  const pending = new Set<TcryptWish | HeaderWish>([...(wishes.headers ?? []), ...(wishes.tcrypt ?? [])]);
  const unlocker: Unlocker = {
    ask, attempts: wishes.attempts ?? ATTEMPTS, keySlot: wishes.keySlot, onlyKeyFiles: wishes.onlyKeyFiles === true, passphrases: [],
    askPim: wishes.askPim ?? (() => Promise.resolve(undefined)), say: wishes.say ?? (() => {}),
  };
  const close = () => closeAll(opened);
  try {
    for (;;) {
      const found = await (wishes.survey ?? surveyDisks)([...devices, ...opened.map(({ device }) => device)]);
      const next = opened.length >= MOST_OPENED ? undefined : nextToOpen(found.volumes, pending, done, wishes.luks !== false);
      if (next === undefined) {
        problems.push(...[...pending].map(({ volume }) => explain(notThere(volume, found.volumes))));
        const volumes = found.volumes.map((volume) => (contents.has(volume.name) ? { ...volume, content: contents.get(volume.name)! } : volume));
        return { ...found, volumes, tables: opened.flatMap(({ tables }) => tables), problems, close };
      }
      done.add(next.volume.name);
      if (next.wish !== undefined) pending.delete(next.wish);
      try {
        const result = await open(next, found.volumes);
        if (result === undefined) continue;
        const twin = opened.find(({ device }) => device.path === result.device.path);
        if (twin !== undefined) {
          await closeAll([result]);
          throw new MkinitrdError({ tried: "opening", on: next.volume.name, found: `it has the UUID of ${twin.device.below?.join(", ") ?? "another volume"}, which is open: one is a copy of the other`, next: "name the disk of one of them alone" });
        }
        opened.push(result);
        if (result.content !== undefined) contents.set(next.volume.name, result.content);
      } catch (error) {
        if (!(error instanceof MkinitrdError) || error instanceof AskingEnded) throw error;
        problems.push(explain(error));
      }
    }
  } catch (error) {
    await close();
    throw error;
  } finally {
    for (const passphrase of unlocker.passphrases) passphrase.fill(0);
  }

  async function open({ volume, wish }: Next, volumes: Volume[]): Promise<(Opened & { content?: Content }) | undefined> {
    const { source } = volume;
    if (source === undefined) throw new MkinitrdError({ tried: "unlocking", on: volume.name, found: "its bytes can't be read here", next: "mkinitrd inspect shows why" });
    if (wish === undefined) return unlockLuks(volume, source, unlocker);
    if ("options" in wish) return unlockTcrypt(volume, source, wish, unlocker, diskOf(volume, wish, volumes));
    const header = await openDetachedHeader(wish, volumes);
    try {
      if (header.volume !== undefined) done.add(header.volume.name);
      return await unlockLuks(volume, source, unlocker, header);
    } finally {
      await header.close();
    }
  }
}

async function closeAll(opened: readonly Opened[]): Promise<void> {
  for (const secret of opened.flatMap(({ secrets }) => secrets)) secret.fill(0);
  for (const { device } of opened) await device.source.close?.();
}

interface Next {
  volume: Volume;
  /** Undefined for a LUKS volume that nobody has named. */
  wish?: TcryptWish | HeaderWish;
}

/** What is wished for first: it may be the header of another volume that looks like one of its own. */
function nextToOpen(volumes: Volume[], pending: ReadonlySet<TcryptWish | HeaderWish>, done: ReadonlySet<string>, luks: boolean): Next | undefined {
  for (const wish of pending) {
    const volume = findWished(volumes, wish.volume);
    if (volume !== undefined) return { volume, wish };
  }
  const volume = luks ? volumes.find(({ content, name, source }) => content?.type === "crypto_LUKS" && source !== undefined && !done.has(name)) : undefined;
  return volume && { volume };
}

/** The one volume that is named, by its name, tag, or the path of its file. Where a root hash is given, the one that verifies it. Undefined when it is not there, or several are. */
export function findWished(volumes: Volume[], wanted: string): Volume | undefined {
  const found = findVolumes(volumes, wanted);
  const all = found.length > 0 ? found : volumes.filter(({ name }) => wanted.endsWith(`/${name}`));
  return all.length === 1 ? verifying(all[0]!, volumes) : undefined;
}

/** Of system encryption: the disk that is named, or the volume's own. */
function diskOf({ parent }: Volume, { options: { system } }: TcryptWish, volumes: Volume[]): Volume | undefined {
  return typeof system === "string" ? findWished(volumes, system) : volumes.find(({ name }) => name === parent);
}

function notThere(wanted: string, volumes: Volume[]): MkinitrdError {
  const several = findVolumes(volumes, wanted);
  return new MkinitrdError({
    tried: `opening the volume ${quote(wanted)}`, on: "the disks", found: several.length > 1 ? `several have this name${listVolumes(several)}` : `it is not there; there are${listVolumes(volumes)}`,
    next: "name one of them as it is shown here: disk.img, disk.img:2, vg0/lv0",
  });
}
