import { join } from "node:path";
import { MkinitrdError } from "../../core/errors.ts";
import { nearest } from "../../core/nearest.ts";
import type { Stage } from "../../core/realroot/types.ts";
import { describeMachine } from "../architecture.ts";
import type { HostFacts, ImageConfig } from "./facts.ts";
import { compressionOf, moduleMachine, planFirmware } from "./firmware.ts";
import { moduleName, type ModuleIndex } from "./module-index.ts";
import { indexEntries } from "./module-index-entries.ts";
import { isModulePattern, matchModules, requireModules } from "./module-patterns.ts";
import { genericModules, machineModules } from "./module-sets.ts";
import { readModprobeConfig } from "./modprobe-config.ts";
import { modprobeEntry } from "./modprobe-entry.ts";
import { applyModprobeConfig, softdepsOf } from "./modprobe-rules.ts";
import { resolveModules, type PlannedModule, type WantedModule } from "./modules.ts";
import type { ChosenScripts } from "./scripts.ts";
import type { Entry } from "./types.ts";

/**
 * The modules layer: kernel modules, unpacked, with the kernel's own index files cut down to them; what modprobe.d says of
 * them; their firmware; and etc/mkinitrd/modules, the names to load early, in order, one in a line.
 */
export async function planModules(
  facts: Pick<HostFacts, "sysroot" | "architecture" | "modules" | "machine" | "memo">, chosen: Pick<ChosenScripts, "scripts" | "stages">, config: ImageConfig,
): Promise<{ entries: Entry[]; notes: string[] }> {
  const lines = readModprobeConfig(facts.sysroot);
  const index = applyModprobeConfig(facts.modules, lines);
  const fromScripts = chosen.scripts.flatMap(({ header, source }) => header.modules.map((need) => ({ ...need, reason: `for ${source}` })));
  const names = config.modules.add.filter((entry) => !isModulePattern(entry));
  const required = [...fromScripts.filter(({ optional }) => !optional), ...names.map(added), ...rootFilesystems(index, chosen.stages)];
  const omitted = omittedModules(index, config.modules.omit);
  const patterns = config.modules.add.filter(isModulePattern).flatMap((entry) => requireModules(index, entry));
  const others = [...fromScripts.filter(({ optional }) => optional), ...patterns.map(added), ...setModules(index, facts.machine, config)].filter(({ name }) => !omitted.has(moduleName(name)));
  const { modules, weak, notes } = resolveModules(index, [...required, ...others], omitted);
  const kept = modules.filter(({ name }) => omitted.has(name)).map(({ name, reason }) => `module ${name} is to be omitted, but goes in: ${reason}`);
  const packed = [...modules, ...weak];
  const files = packed.map(({ name, path }) => ({ name, file: join(index.directory, path) }));
  const firmware = await planFirmware(facts.sysroot, facts.memo, index.release, files);
  await checkModuleMachine(facts, files[0]?.file);
  const modprobe = modprobeEntry(lines, new Set(packed.map(({ name }) => name)));
  const directory = `usr/lib/modules/${index.release}`;
  return {
    entries: [
      ...packed.map((module) => moduleEntry(index, directory, module)),
      ...indexEntries(index, directory, packed, softdepsOf(lines)),
      ...modprobe.entries,
      ...firmware.entries,
      text("etc/mkinitrd/modules", earlyModules(index, required, omitted), "modules that the rc scripts require"),
    ],
    notes: [...notes, ...kept, ...unknownOmitted(index, config.modules.omit), ...modprobe.notes, ...firmware.notes],
  };
}

/** One module says it for all: those of a kernel of another architecture would be refused one by one, at boot. */
async function checkModuleMachine({ architecture, modules, sysroot, memo }: Pick<HostFacts, "architecture" | "modules" | "sysroot" | "memo">, file: string | undefined): Promise<void> {
  const machine = file === undefined ? undefined : await memo.get(file, "ELF machine", () => moduleMachine(file));
  if (file === undefined || machine === undefined || machine === null || machine === architecture.elfMachine) return;
  throw new MkinitrdError({
    tried: `planning the modules of kernel ${modules.release}`, on: file,
    found: `it is a module for ${describeMachine({ machine, bits: 64 })}, and the programs in ${sysroot.path} are for ${architecture.name}`,
    next: "name a kernel for that: --kernel RELEASE, --modules-directory DIR; or its programs: --sysroot DIR",
  });
}

/** Patterns and directories come to the modules that they mean. */
function omittedModules(index: ModuleIndex, omit: readonly string[]): Set<string> {
  return new Set(omit.flatMap((entry) => (isModulePattern(entry) ? matchModules(index, entry) : [moduleName(entry)])));
}

/** A name with a typo would leave in what was to stay out. */
function unknownOmitted(index: ModuleIndex, omit: readonly string[]): string[] {
  const known = [...index.modules.keys(), ...index.builtin, ...(index.forbidden?.keys() ?? [])];
  return omit.filter((entry) => (isModulePattern(entry) ? matchModules(index, entry).length === 0 : !known.includes(moduleName(entry)))).map((name) => {
    const meant = isModulePattern(name) ? undefined : nearest(moduleName(name), known);
    return `module ${name}, which is to be omitted, is not in kernel ${index.release}${meant === undefined ? "" : `: did you mean ${meant}?`}`;
  });
}

function added(name: string): WantedModule {
  return { name, optional: false, reason: "modules: of the configuration" };
}

function setModules(index: ModuleIndex, machine: HostFacts["machine"], config: ImageConfig): WantedModule[] {
  if (config.modules.set === "generic") return genericModules(index);
  return config.modules.set === "auto" ? machineModules(index, machine) : [];
}

/** What the default spec's filesystems need is loaded early, so that the mount need not wait for it. Without it no boot. */
function rootFilesystems(index: ModuleIndex, stages: readonly Stage[]): WantedModule[] {
  const fstypes = stages.map(({ fstype }) => fstype).filter((fstype) => fstype !== "auto" && fstype !== "none");
  // A filesystem in the kernel itself has no alias where the kernel came without modules.builtin.modinfo.
  return fstypes.map((fstype) => ({ name: index.lookUp(`fs-${fstype}`).length > 0 ? `fs-${fstype}` : fstype, optional: false, reason: "filesystem of the default realroot" }));
}

/** In order, with all that they depend on. An optional one waits until the kernel asks modprobe for it: loading takes time. */
function earlyModules(index: ModuleIndex, wanted: WantedModule[], omitted: ReadonlySet<string>): string {
  return resolveModules(index, wanted, omitted).modules.map(({ name }) => `${name}\n`).join("");
}

function moduleEntry(index: ModuleIndex, directory: string, { path, reason }: PlannedModule): Entry {
  const file = join(index.directory, path);
  const decompress = compressionOf(path);
  const from = decompress === undefined ? { file } : { file, decompress };
  return { path: `${directory}/${unpackedPath(path)}`, mode: 0o644, reason, type: "file", from };
}

/** kernel/fs/xfs/xfs.ko for kernel/fs/xfs/xfs.ko.xz */
function unpackedPath(path: string): string {
  return path.replace(/(\.ko)\.(xz|zst|gz)$/, "$1");
}

function text(path: string, content: string, reason: string): Entry {
  return { path, mode: 0o644, reason, type: "file", from: { bytes: Buffer.from(content) } };
}
