// KEYWORD:  md
// FIELDS:   device options
// OPTIONS:  degraded
// MODULES:  md_mod raid0? raid1? raid10? raid456? linear?
// PROGRAMS: mdadm
import { parseDegraded } from "../src/core/volumes/degraded.ts";
import type { Context } from "../src/core/rc/types.ts";
import type { ArrayRef, Volume } from "../src/core/volumes/types.ts";

// Without it mdadm waits for udev to make the node, wherever there is a /run/udev.
const ENV = { PATH: "/usr/sbin:/usr/bin", MDADM_NO_UDEV: "1" };
/** As mdadm, which counts down from here for an array that nothing gives a number. */
const FIRST_FREE_NUMBER = 127;

/** Assembles the array that the stage names, from all of its members or, where the option degraded= allows it, without some. */
export default async function run(ctx: Context): Promise<string> {
  const { device } = ctx.realroot;
  const array = await findArray(ctx);
  const { md } = array;
  if (array.path !== undefined) return array.path;
  const node = await freeNode(ctx, md);
  await ctx.system.opens(node);
  // --run: what is missing has been agreed to; without it mdadm refuses.
  const missing = md.missing.length === 0 ? [] : ["--run"];
  await ctx.exec("mdadm", ["--assemble", node, "--config=none", `--uuid=${md.uuid}`, ...missing, ...md.members], { env: ENV });
  if (md.missing.length > 0) ctx.log.warn(`started ${array.name} (${md.level}) without member ${md.missing.map((role) => role + 1).join(", ")} of ${md.devices}`);
  if (md.failed > 0) ctx.log.warn(`${array.name} (${md.level}) had lost ${md.failed} of its ${md.devices} members already`);
  ctx.log.step(`assembled ${array.name} (${md.level}) as ${node}`);
  await ctx.volumes.find(node);
  ctx.log.debug(`${device} is ${node}`);
  return node;
}

type ArrayVolume = Volume & { md: ArrayRef };

/** The array as the policy allows it: never without a member, after some seconds, or when the person says so. */
async function findArray(ctx: Context): Promise<ArrayVolume> {
  const { device, options } = ctx.realroot;
  const degraded = parseDegraded(options["degraded"]);
  if (degraded === "never") return ctx.volumes.findArray(device);
  if (degraded === "ask") return acceptDegraded(ctx, await ctx.volumes.findArray(device, {}));
  if ("reason" in degraded) throw ctx.failure({ tried: "reading the option degraded of the realroot", on: device, found: degraded.reason, next: degraded.next });
  return ctx.volumes.findArray(device, degraded);
}

/** The array itself, when nothing is missing or the person wants it so. */
async function acceptDegraded(ctx: Context, array: ArrayVolume): Promise<ArrayVolume> {
  const { name, md: { active, level, missing, devices, members } } = array;
  if (active || missing.length === 0) return array;
  const lacking = `member ${missing.map((role) => role + 1).join(", ")} of ${devices}`;
  const accepted = await ctx.ask.confirm({
    reasons: [`${name} (${level}) lacks ${lacking}; there is ${members.join(", ")}.`],
    text: `Start ${name} degraded?`,
    yes: "starts it",
    no: "stops the boot here",
  });
  if (accepted) return array;
  throw ctx.failure({ tried: "assembling the array", on: `${name} (${level})`, found: `${lacking} is missing, and it was not to be started without`, next: "attach the missing disk, then choose Retry" });
}

/** The node that the array's own name or number gives, when that is no other's; else one that nobody has. */
async function freeNode(ctx: Context, md: ArrayRef): Promise<string> {
  const isFree = async (number: string | number) => !(await ctx.system.exists(`/sys/block/md${number}`));
  const [, own] = /^\/dev\/md(\d+)$/.exec(md.node ?? "") ?? [];
  if (own !== undefined && (await isFree(own))) return `/dev/md${own}`;
  let number = FIRST_FREE_NUMBER;
  while (!(await isFree(number))) number--;
  return `/dev/md${number}`;
}
