import { MkinitrdError } from "../errors.ts";
import { parseFstab } from "../formats/fstab.ts";
import { chooseFstabMounts, type FstabMount, type FstabRefusal } from "../fstab-mounts.ts";
import { RARER_CONTAINERS } from "../volumes/rarer-formats.ts";
import type { Content, Volume } from "../volumes/types.ts";
import { checkFilesystem } from "./fsck.ts";
import type { Context, FilesystemCheck, FilesystemMount, Filesystems, OpenVolume } from "./types.ts";

/** Contents that hold other volumes, or nothing; blkid's names. */
export const NO_FILESYSTEMS = ["crypto_LUKS", "LVM2_member", "linux_raid_member", "swap", "swsuspend", "jbd", ...RARER_CONTAINERS];
/** The driver of these writes nothing: asked for read-write they are refused, or look as if they were. */
const READ_ONLY = ["squashfs", "erofs", "ufs"];
/** The filesystems that may lie on several devices, each of which the kernel has to be told of. */
const WITH_MEMBERS = ["btrfs"];

/** What mounting needs of the machine. */
type Machine = Pick<Context, "volumes" | "system" | "log" | "exec" | "request" | "ask">;

/** Mounts filesystems with what our own probe knows of them. */
export function createFilesystems(machine: Machine): Filesystems {
  const { volumes, system, log } = machine;

  async function typeOf(device: string, what?: string): Promise<string> {
    const volume = await volumes.find(device);
    const type = volume.content?.type;
    if (type !== undefined && !NO_FILESYSTEMS.includes(type)) return type;
    throw new MkinitrdError({
      tried: `finding the filesystem${what === undefined ? "" : ` of ${what}`}`,
      on: device,
      found: volume.damage ?? (type === undefined ? "no filesystem that is known here" : `${type}, which is no filesystem`),
      next: type === "crypto_LUKS" ? "unlock it: crypt in place of local in the realroot" : "name the filesystem in the realroot, as in local:ext4:DEVICE, or check the disk with fsck",
    });
  }

  async function check({ what, device, fstype }: FilesystemCheck): Promise<void> {
    const known = fstype === "auto" ? await typeOf(device, what) : fstype;
    const result = await checkFilesystem(machine, { what, device, fstype: known });
    if (result === "checked" && what === "the root") await system.markChecked("root");
    if (result === "checked" && what === "/usr") await system.markChecked("usr");
  }

  async function mount({ what, device, target, options, ...asked }: FilesystemMount): Promise<void> {
    const fstype = asked.fstype === "auto" ? await typeOf(device, what) : asked.fstype;
    const added = [...(READ_ONLY.includes(fstype) ? ["ro"] : []), ...(await memberOptions(device, fstype, options)), ...(await ufsOptions(device, fstype, options))];
    checkSubvolume(what, device, fstype, options);
    const all = [...options, ...added];
    await system.mount({ source: device, target, fstype, options: all }).catch(async (error: unknown) => {
      throw await explainDamage(what, device, error);
    });
    log.step(`mounted ${what}: ${device} (${[fstype, all.join(",")].filter((word) => word !== "").join(", ")})`);
  }

  /** `device=` for each device beside the one that is mounted: so the kernel knows of them without a scan. */
  async function memberOptions(device: string, fstype: string, options: string[]): Promise<string[]> {
    if (!WITH_MEMBERS.includes(fstype)) return [];
    const volume = await volumes.find(device);
    const members = await volumes.findMembers(volume, { partial: options.includes("degraded") });
    return members.filter(({ path }) => path !== volume.path).map((member) => `device=${devicePath(member)}`);
  }

  /** The driver can't tell the variants of UFS apart by itself. */
  async function ufsOptions(device: string, fstype: string, options: string[]): Promise<string[]> {
    if (fstype !== "ufs" || options.some((option) => option.startsWith("ufstype="))) return [];
    const { version } = (await volumes.find(device)).content ?? ({} as Content);
    return version === undefined ? [] : [`ufstype=${version === "2" ? "ufs2" : "44bsd"}`];
  }

  /** What our own probe has against the filesystem says more than mount(2)'s EINVAL. */
  async function explainDamage(what: string, device: string, cause: unknown): Promise<unknown> {
    const volume = (await volumes.scan()).find(({ path, dm }) => path === device || (dm !== undefined && device === `/dev/mapper/${dm.name}`));
    const damage = volume?.damage ?? volume?.content?.damage?.join("; ");
    if (damage === undefined) return cause;
    return new MkinitrdError({
      tried: `mounting ${what}`,
      on: device,
      found: damage,
      next: "check that the disk is whole, and the filesystem with fsck from another system",
      cause,
    });
  }

  async function ofFstab(): Promise<(FstabMount | FstabRefusal)[]> {
    const text = await system.readNewRoot("/etc/fstab");
    const { entries, problems } = parseFstab(text ?? "");
    for (const problem of problems) log.debug(`the root's /etc/fstab, ${problem}`);
    return chooseFstabMounts(entries);
  }

  return { typeOf, check, mount, ofFstab };
}

function checkSubvolume(what: string, device: string, fstype: string, options: string[]): void {
  const subvolume = options.find((option) => option.startsWith("subvol="))?.slice("subvol=".length);
  if (subvolume === undefined || fstype === "btrfs") return;
  throw new MkinitrdError({
    tried: `mounting ${what}`,
    on: device,
    found: `the subvolume ${subvolume} of a filesystem that is ${fstype}: only btrfs has subvolumes`,
    next: "leave out the subvolume; write an @ that belongs to the device's name as %40",
  });
}

/** A device-mapper device has the name that the real root shows in its mounts. */
function devicePath({ dm, path }: OpenVolume & Pick<Volume, "dm">): string {
  return dm === undefined ? path : `/dev/mapper/${dm.name}`;
}
