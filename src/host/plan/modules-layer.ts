import { readFileSync } from "node:fs";
import { join } from "node:path";
import { nearest } from "../../core/nearest.ts";
import type { Stage } from "../../core/realroot/types.ts";
import type { HostFacts, ImageConfig } from "./facts.ts";
import { compressionOf, planFirmware } from "./firmware.ts";
import { moduleName, type ModuleIndex } from "./module-index.ts";
import { genericModules, machineModules } from "./module-sets.ts";
import { resolveModules, type PlannedModule, type WantedModule } from "./modules.ts";
import type { ChosenScripts } from "./scripts.ts";
import type { Entry } from "./types.ts";

/**
 * The modules layer: kernel modules, unpacked, with the kernel's own index files cut down to them; their firmware; and
 * etc/mkinitrd/modules, the names to load early, in order, one in a line.
 */
export async function planModules(
  facts: Pick<HostFacts, "sysroot" | "modules" | "machine" | "memo">, chosen: Pick<ChosenScripts, "scripts" | "stages">, config: ImageConfig,
): Promise<{ entries: Entry[]; notes: string[] }> {
  const { modules: index } = facts;
  const fromScripts = chosen.scripts.flatMap(({ header, source }) => header.modules.map((need) => ({ ...need, reason: `for ${source}` })));
  const required = [...fromScripts.filter(({ optional }) => !optional), ...config.modules.add.map(added), ...rootFilesystems(index, chosen.stages)];
  const omitted = new Set(config.modules.omit.map(moduleName));
  const others = [...fromScripts.filter(({ optional }) => optional), ...setModules(facts, config)].filter(({ name }) => !omitted.has(moduleName(name)));
  const { modules, weak, notes } = resolveModules(index, [...required, ...others]);
  const kept = modules.filter(({ name }) => omitted.has(name)).map(({ name, reason }) => `module ${name} is to be omitted, but goes in: ${reason}`);
  const packed = [...modules, ...weak];
  const files = packed.map(({ name, path }) => ({ name, file: join(index.directory, path) }));
  const firmware = await planFirmware(facts.sysroot, facts.memo, index.release, files);
  const directory = `usr/lib/modules/${index.release}`;
  return {
    entries: [
      ...packed.map((module) => moduleEntry(index, directory, module)),
      ...indexEntries(index, directory, packed),
      ...firmware.entries,
      text("etc/mkinitrd/modules", earlyModules(index, required), "modules that the rc scripts require"),
    ],
    notes: [...notes, ...kept, ...unknownOmitted(index, omitted), ...firmware.notes],
  };
}

/** A name with a typo would leave in what was to stay out. */
function unknownOmitted(index: ModuleIndex, omitted: Set<string>): string[] {
  const known = [...index.modules.keys(), ...index.builtin];
  return [...omitted].filter((name) => !known.includes(name)).map((name) => {
    const meant = nearest(name, known);
    return `module ${name}, which is to be omitted, is not in kernel ${index.release}${meant === undefined ? "" : `: did you mean ${meant}?`}`;
  });
}

function added(name: string): WantedModule {
  return { name, optional: false, reason: "modules: of the configuration" };
}

function setModules({ modules, machine }: Pick<HostFacts, "modules" | "machine">, config: ImageConfig): WantedModule[] {
  if (config.modules.set === "generic") return genericModules(modules);
  return config.modules.set === "auto" ? machineModules(modules, machine) : [];
}

/** What the default spec's filesystems need is loaded early, so that the mount need not wait for it. Without it no boot. */
function rootFilesystems(index: ModuleIndex, stages: readonly Stage[]): WantedModule[] {
  const fstypes = stages.map(({ fstype }) => fstype).filter((fstype) => fstype !== "auto" && fstype !== "none");
  // A filesystem in the kernel itself has no alias where the kernel came without modules.builtin.modinfo.
  return fstypes.map((fstype) => ({ name: index.lookUp(`fs-${fstype}`).length > 0 ? `fs-${fstype}` : fstype, optional: false, reason: "filesystem of the default realroot" }));
}

/** In order, with all that they depend on. An optional one waits until the kernel asks modprobe for it: loading takes time. */
function earlyModules(index: ModuleIndex, wanted: WantedModule[]): string {
  return resolveModules(index, wanted).modules.map(({ name }) => `${name}\n`).join("");
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

/** The kernel's own text, line by line, without what is about other modules. */
function indexEntries(index: ModuleIndex, directory: string, packed: readonly PlannedModule[]): Entry[] {
  const names = new Set(packed.map(({ name }) => name));
  const filtered = (file: string, keep: (line: string) => boolean, change = (line: string) => line) => {
    const lines = readLines(join(index.directory, file)).filter(keep).map(change);
    return text(`${directory}/${file}`, lines.map((line) => `${line}\n`).join(""), "index of the packed modules");
  };
  const word = (line: string, position: number) => moduleName(line.split(" ")[position] ?? "");
  return [
    filtered("modules.dep", (line) => names.has(moduleName(line.split(":", 1)[0] ?? "")), (line) => line.replaceAll(/(\.ko)\.(?:xz|zst|gz)\b/g, "$1")),
    filtered("modules.alias", (line) => line.startsWith("alias ") && names.has(word(line, 2))),
    filtered("modules.softdep", (line) => line.startsWith("softdep ") && names.has(word(line, 1))),
    filtered("modules.builtin", () => true),
  ];
}

function readLines(file: string): string[] {
  try {
    return readFileSync(file, "utf8").split("\n").filter((line) => line !== "");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}

function text(path: string, content: string, reason: string): Entry {
  return { path, mode: 0o644, reason, type: "file", from: { bytes: Buffer.from(content) } };
}
