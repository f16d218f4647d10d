// KEYWORD:  lvm
// FIELDS:   device options
// OPTIONS:  degraded vg-uuid
// MODULES:  dm_mod dm_raid? raid0? raid1? raid456? raid10? dm_mirror? dm_snapshot? dm_thin_pool? dm_cache? dm_cache_smq?
// PROGRAMS: lvm dmsetup thin_check? cache_check?
import type { Context } from "../src/core/rc/types.ts";
import { activationArguments, activationLimitMs, LVM_ENV } from "../src/core/volumes/lvm-command.ts";
import { mapperName } from "../src/core/volumes/lvm-names.ts";
import { type LvmOptions, parseLvmOptions } from "../src/core/volumes/lvm-options.ts";
import type { LogicalVolumeRef } from "../src/core/volumes/types.ts";

/** Activates the one logical volume that is named, VG/LV, and what it lies on: nothing else of its group. */
export default async function run(ctx: Context): Promise<string> {
  const options = readOptions(ctx);
  const { lv } = await ctx.volumes.findLogical(ctx.realroot.device, options);
  const mapping = mapperName(lv.vg, lv.lv);
  const path = `/dev/mapper/${mapping}`;
  if (lv.active) return path;
  if (lv.missingPvs.length > 0) await acceptDegraded(ctx, lv, options.ask);
  if (await ctx.system.exists(path)) throw nameTaken(ctx, lv, path);
  for (const name of [...new Set([...(lv.mappings ?? []), mapping])]) await ctx.system.opens(name);
  const timeoutMs = await activationLimitMs((file) => ctx.system.exists(file));
  await ctx.exec("lvm", activationArguments(lv), { env: LVM_ENV, timeoutMs });
  ctx.log.step(`activated ${lv.vg}/${lv.lv}${lv.missingPvs.length > 0 ? `, degraded: without physical volume ${lv.missingPvs.join(", ")}` : ""}`);
  return path;
}

function readOptions(ctx: Context): LvmOptions {
  const options = parseLvmOptions(ctx.realroot.options);
  if (!("reason" in options)) return options;
  throw ctx.failure({ tried: `reading the option ${options.key} of the realroot`, on: ctx.realroot.device, found: options.reason, next: options.next });
}

async function acceptDegraded(ctx: Context, { lv, missingPvs, vg }: LogicalVolumeRef, ask: boolean): Promise<void> {
  const missing = `physical volume ${missingPvs.join(", ")}`;
  if (!ask) return ctx.log.warn(`${vg}/${lv} starts degraded: ${missing} did not come`);
  const accepted = await ctx.ask.confirm({
    reasons: [`${vg}/${lv} lacks ${missing}.`, "Its data is whole; one more loss would be final."],
    text: `Start ${vg}/${lv} degraded?`,
    yes: "starts it",
    no: "stops the boot here",
  });
  if (accepted) return;
  throw ctx.failure({
    tried: "activating a logical volume",
    on: `${vg}/${lv}`,
    found: `${missing} is missing, and it was not to be started without`,
    next: "attach the missing disk, then choose Retry",
  });
}

function nameTaken(ctx: Context, { lv, vg }: LogicalVolumeRef, path: string) {
  return ctx.failure({
    tried: "activating a logical volume",
    on: `${vg}/${lv}`,
    found: `${path} is there, and is another volume: one of a second group of this name, perhaps`,
    next: "open only one of the two in this boot, or rename a group with vgrename, from another system",
  });
}
