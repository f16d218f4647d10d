import { MkinitrdError } from "../errors.ts";
import { printable } from "../quote.ts";
import type { Context, FilesystemCheck } from "./types.ts";

/** What a check needs of the machine. */
type Machine = Pick<Context, "system" | "log" | "exec" | "request" | "ask">;

/** Exit codes, added up; fsck(8), "EXIT STATUS". */
const CORRECTED = 1;
const REBOOT_NEEDED = 2;
const EVERY_CODE = Array.from({ length: 255 }, (_, index) => index + 1);

const DIRECTORIES = ["/usr/sbin", "/usr/bin", "/sbin", "/bin"];
const EXT = ["ext2", "ext3", "ext4"];
const SECONDS_BEFORE_REBOOT = 5;

/** How the checkers are told what to do: e2fsck(8), fsck.f2fs(8); `-a` is what fsck(8) says to any of them at a boot. */
const REPAIR = { preen: "-p", yes: "-y", no: "-n" };

/**
 * Checks a filesystem that is not mounted, when the image has its fsck and the command line does not say `fsck.mode=skip`.
 * What could be corrected is; throws when errors are left, and after a reboot that was asked for and did not come.
 */
export async function checkFilesystem(machine: Machine, { what, device, fstype }: FilesystemCheck): Promise<"checked" | "not checked"> {
  const { log, exec, request } = machine;
  const { mode = "auto", repair = "preen" } = request.fsck ?? {};
  if (mode === "skip") return "not checked";
  const program = await findProgram(machine, fstype);
  if (program === undefined) return "not checked";
  if ((await exec("busybox", ["blockdev", "--getro", device])).stdout.trim() === "1") {
    log.debug(`${device} is read-only, so ${what} is not checked`);
    return "not checked";
  }
  log.step(`checking ${what}: ${program} on ${device}`);
  const startedMs = performance.now();
  const { exitCode, stdout, stderr } = await showTime(machine, `Checking ${what}`, exec(program, [...checkArguments(fstype, mode, repair), device], { accept: EVERY_CODE }));
  const seconds = ((performance.now() - startedMs) / 1000).toFixed(1);
  const lines = printable(`${stdout}\n${stderr}`).split("\n").map((line) => line.trim()).filter((line) => line !== "");
  for (const line of lines) log.debug(`${program}: ${line}`);
  const said = lines.slice(-4).join("; ");
  if ((exitCode & ~(CORRECTED | REBOOT_NEEDED)) !== 0) throw uncorrected({ what, device, fstype }, program, exitCode, said);
  if ((exitCode & REBOOT_NEEDED) !== 0) {
    log.warn(`${program} has corrected ${what} and wants a reboot before it is mounted: in ${SECONDS_BEFORE_REBOOT} s`);
    await exec("busybox", ["sleep", String(SECONDS_BEFORE_REBOOT)]);
    await exec("busybox", ["reboot", "-f"]);
    throw new MkinitrdError({ tried: `checking ${what}`, on: device, found: `${program} wants a reboot, and there was none: ${said}`, next: "choose Reboot" });
  }
  log.step(`checked ${what}: ${exitCode === 0 ? "nothing to correct" : "errors were corrected"}, ${seconds} s`);
  return "checked";
}

/** A check may take minutes: the seconds stand on the screen until it ends. */
async function showTime<T>({ ask }: Machine, text: string, work: Promise<T>): Promise<T> {
  let seconds = 0;
  const timer = setInterval(() => ask.showWaiting(`${text}: ${++seconds} s`), 1000);
  return work.finally(() => {
    clearInterval(timer);
    if (seconds > 0) ask.showWaiting(undefined);
  });
}

async function findProgram({ system }: Machine, fstype: string): Promise<string | undefined> {
  const names = EXT.includes(fstype) ? ["e2fsck", `fsck.${fstype}`] : [`fsck.${fstype}`];
  for (const name of names) {
    for (const directory of DIRECTORIES) if (await system.exists(`${directory}/${name}`)) return name;
  }
  return undefined;
}

function checkArguments(fstype: string, mode: "auto" | "force", repair: keyof typeof REPAIR): string[] {
  if (EXT.includes(fstype)) return [REPAIR[repair], ...(mode === "force" ? ["-f"] : [])];
  if (fstype === "f2fs") return mode === "force" || repair === "yes" ? ["-f"] : repair === "no" ? ["--dry-run"] : ["-a"];
  return [repair === "preen" ? "-a" : REPAIR[repair]];
}

function uncorrected({ what, device, fstype }: FilesystemCheck, program: string, exitCode: number, said: string): MkinitrdError {
  const left = (exitCode & 4) !== 0 ? "errors are left that it does not correct by itself" : "it could not do its work";
  return new MkinitrdError({
    tried: `checking ${what}`,
    on: device,
    found: `${left}, exit code ${exitCode} of ${program}: ${said === "" ? "it said nothing" : said}`,
    next: EXT.includes(fstype)
      ? `boot with fsck.repair=yes to have all of them corrected, with fsck.mode=skip to mount it as it is, or repair it from another system`
      : `boot with fsck.mode=skip to mount it as it is, or repair it from another system`,
  });
}
