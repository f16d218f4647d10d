import { statSync } from "node:fs";
import { join } from "node:path";
import { checkSecretsOutput } from "../audit/output.ts";
import { type Architecture, sysrootArchitecture } from "../architecture.ts";
import { cacheDirectory } from "../cache.ts";
import type { FileMemo } from "../file-memo.ts";
import { findKernelFile } from "../kernel-file.ts";
import { checkCompression } from "../layers/check-compression.ts";
import { prepareRuntime } from "../layers/prepare-runtime.ts";
import { packageRoot } from "../package-root.ts";
import { checkMachineFacts } from "../plan/foreign.ts";
import { moduleName } from "../plan/module-index.ts";
import { planImage } from "../plan/plan.ts";
import { readHostFacts } from "../plan/read-facts.ts";
import { modulesBelow, openSysroot } from "../plan/sysroot.ts";
import type { Plan } from "../plan/types.ts";
import { readUserScripts } from "../scripts/scripts.ts";
import type { BuildSettings, Progress } from "./build.ts";
import type { Wrapping } from "./image.ts";
import { findUkify, makeUki, ukiFor } from "./uki.ts";

/** What a build has decided before it packs anything. */
export interface Prepared {
  plan: Plan;
  /** What the output is made of the initrd by, where that is not it. */
  wrap: Wrapping | undefined;
  /** Names of the kernel's own drivers and of the modules in the image. */
  drivers: ReadonlySet<string>;
  notes: string[];
}

const MODULE = /\.ko(\.\w+)?$/;

/** From settings to plan: finds the runtime, reads what there is, and decides. Throws on what can't be built; writes nothing but the cache. */
export async function prepareBuild(settings: BuildSettings, memo: FileMemo, progress: Progress): Promise<Prepared> {
  const root = packageRoot();
  const sysroot = openSysroot(settings.sysroot);
  const architecture = await sysrootArchitecture(sysroot);
  checkMachineFacts(architecture, settings);
  progress("preparing the runtime");
  const runtime = await prepareRuntime({ architecture, sysroot, runtime: settings.runtime, program: join(root, "dist/image/boot.cjs"), memo });
  progress("planning");
  const scripts = await readUserScripts({ scripts: settings.scripts, packageRoot: root, cacheDirectory: cacheDirectory("scripts") });
  const facts = readHostFacts({ ...settings, sysroot, architecture, scripts, ...runtime, packageRoot: root, machine: settings.modules.set === "auto", memo });
  const compressionNotes = checkCompression(settings.compression, facts.modules.release, facts.kernelConfig);
  const plan = await planImage(settings, facts);
  const wrap = wrapper(settings, architecture, plan.kernelRelease);
  await checkSecretsOutput(plan, settings);
  const packed = plan.layers.flatMap(({ entries }) => entries).filter(({ path }) => MODULE.test(path)).map(({ path }) => moduleName(path));
  return { plan, wrap, drivers: new Set([...facts.modules.builtin, ...packed]), notes: [...runtime.notes, ...compressionNotes, ...plan.notes] };
}

/** What makes the output of the initrd, where that is not it. Throws before anything is built when it could not. */
function wrapper({ uki, modulesDirectory, sysroot }: BuildSettings, architecture: Architecture, kernelRelease: string): Wrapping | undefined {
  if (uki === undefined) return undefined;
  findUkify();
  const kernel = uki.kernel ?? findKernelFile({ kernelRelease, sysroot, modulesDirectory: modulesDirectory ?? modulesBelow(sysroot) }, { tried: "making a unified kernel image", option: "--uki-kernel" });
  const settings = ukiFor(architecture, { kernel, sysroot, settings: uki });
  return { make: (initrd, to) => makeUki({ kernel, kernelRelease, initrd, settings, sysroot }, to), moreBytes: statSync(kernel).size };
}
