import { statSync } from "node:fs";
import { join, resolve } from "node:path";
import { MkinitrdError } from "../../core/errors.ts";
import { quote } from "../../core/quote.ts";
import { checkSecretsOutput } from "../audit/output.ts";
import type { BootConfig } from "../../core/rc/boot-config.ts";
import { sysrootArchitecture, type Architecture } from "../architecture.ts";
import { cacheDirectory } from "../cache.ts";
import { type FileMemo, openFileMemo } from "../file-memo.ts";
import { buildLayer, forgetDamaged } from "../layers/build.ts";
import { checkCompression } from "../layers/check-compression.ts";
import { chooseCompressor } from "../layers/compress.ts";
import { prepareRuntime } from "../layers/prepare-runtime.ts";
import { type ContentHash, hashContent, sha256 } from "../layers/hash.ts";
import type { BuiltLayer, Compression, LayerOptions } from "../layers/types.ts";
import { pruneBuilt } from "../layers/prune.ts";
import { packageRoot } from "../package-root.ts";
import { BOOT_CONFIG_PATH, bootConfigEntry } from "../plan/boot-layer.ts";
import type { ImageConfig } from "../plan/facts.ts";
import { moduleName } from "../plan/module-index.ts";
import { planImage } from "../plan/plan.ts";
import { checkMachineFacts } from "../plan/foreign.ts";
import { modulesBelow, openSysroot } from "../plan/sysroot.ts";
import { readHostFacts } from "../plan/read-facts.ts";
import type { Entry, PlannedLayer } from "../plan/types.ts";
import { readUserScripts } from "../scripts/scripts.ts";
import { findKernelFile } from "../kernel-file.ts";
import { checkOutput, isInPlace, writeImage, type Wrapping } from "./image.ts";
import { findUkify, makeUki, ukiFor, type UkiSettings } from "./uki.ts";
import { ramNeeded, type MemoryNeed } from "./memory.ts";
import { packedBytes } from "./packed-bytes.ts";
import { checkArchive } from "./read-back.ts";

/** Everything that a build is made from; a Config is one. */
export interface BuildSettings extends ImageConfig {
  sysroot: string;
  /** Without it SYSROOT/lib/modules. */
  modulesDirectory?: string;
  /** The Node that goes in; without it the one that runs here, or for another architecture the one that was fetched. */
  runtime?: string;
  /** Kernel release; without it the newest. */
  kernel?: string;
  /** The user's own rc scripts: files, and directories of them. */
  scripts: string[];
  compression: Compression;
  output: string;
  /** Paths in the image of secrets that may lie where everybody reads them. */
  expose?: string[];
  /** The output is a unified kernel image. */
  uki?: UkiSettings;
  /** What was at the output stays as OUTPUT.old. */
  keepOld?: boolean;
  /** Looks at the new image before it takes the place of the old one, which stays when this throws. */
  check?: (image: UncheckedImage) => Promise<void>;
}

/** An image that is written and not yet in its place. */
export interface UncheckedImage {
  file: string;
  /** It is the output itself, which was this image already. */
  isInPlace: boolean;
  kernelRelease: string;
  /** Names of the kernel's own drivers and of the modules in the image. */
  drivers: ReadonlySet<string>;
}

export interface BuildReport {
  output: string;
  /** The output was this image already, and was not written. */
  unchanged: boolean;
  bytes: number;
  kernelRelease: string;
  imageId: string;
  /** Names of the boot steps, in order, and the realroot kinds that the image serves. */
  steps: string[];
  kinds: string[];
  layers: BuiltLayer[];
  memory: MemoryNeed;
  notes: string[];
}

const MODULE = /\.ko(\.\w+)?$/;

/** What is going on, for a person who waits: `building the layer modules`. */
export type Progress = (text: string) => void;

/** Plans, builds what the cache does not have, and writes the image. On an error nothing is installed. */
export async function buildImage(settings: BuildSettings, progress: Progress = () => {}): Promise<BuildReport> {
  checkOutput(settings.output);
  chooseCompressor(settings.compression); // a program that is missing is no news for the end
  const mtime = sourceDateEpoch();
  const memo = openFileMemo(join(cacheDirectory("layers"), "files.json"));
  const sysroot = openSysroot(settings.sysroot);
  const architecture = await sysrootArchitecture(sysroot);
  checkMachineFacts(architecture, settings);
  progress("preparing the runtime");
  const root = packageRoot();
  const runtime = await prepareRuntime({ architecture, sysroot, runtime: settings.runtime, program: join(root, "dist/image/boot.cjs"), memo });
  progress("planning");
  const scripts = await readUserScripts({ scripts: settings.scripts, packageRoot: root, cacheDirectory: cacheDirectory("scripts") });
  const facts = readHostFacts({ ...settings, sysroot, architecture, scripts, ...runtime, packageRoot: root, machine: settings.modules.set === "auto", memo });
  const compressionNotes = checkCompression(settings.compression, facts.modules.release, facts.kernelConfig);
  const plan = await planImage(settings, facts);
  const wrap = wrapper(settings, architecture, plan.kernelRelease);
  await checkSecretsOutput(plan, settings);
  const { identified, imageId } = await identify(plan.layers, memo);
  const options: LayerOptions = { compression: settings.compression, cacheDirectory: cacheDirectory("layers"), mtime, check: checkArchive };
  const buildLayers = () => Promise.all(identified.map(async ({ layer, content }) => {
    const built = await buildLayer(layer, content, layer.name === "early" ? { ...options, compression: { format: "none" } } : options);
    progress(`${built.cacheHit ? "kept" : "built"} the layer ${layer.name}`);
    return built;
  }));
  let layers = await buildLayers();
  memo.save();
  if (layers.some(({ cacheHit }) => !cacheHit)) for (const kind of ["layers", "snapshots", "scripts"]) pruneBuilt(cacheDirectory(kind));
  progress(`writing ${settings.output}`);
  const drivers = new Set([...facts.modules.builtin, ...plan.layers.flatMap(({ entries }) => entries.filter(({ path }) => MODULE.test(path)).map(({ path }) => moduleName(path)))]);
  const check = async (file: string, isInPlace = false) => settings.check?.({ file, isInPlace, kernelRelease: plan.kernelRelease, drivers });
  const unchanged = wrap === undefined && (await isInPlace(layers, settings.output));
  if (unchanged) await check(resolve(settings.output), true);
  const write = () => writeImage(layers, settings.output, { keepOld: settings.keepOld, wrap, check });
  const bytes = unchanged ? packedBytes(layers) : await write().catch(async (error: unknown) => {
    if (!forgetDamaged(layers)) throw error;
    layers = await buildLayers();
    return write();
  });
  return { output: settings.output, unchanged, bytes, kernelRelease: plan.kernelRelease, imageId, steps: plan.steps, kinds: plan.kinds, layers, memory: ramNeeded(layers), notes: [...runtime.notes, ...compressionNotes, ...plan.notes] };
}

/** What makes the output of the initrd, where that is not it. Throws before anything is built when it could not. */
function wrapper({ uki, modulesDirectory, sysroot }: BuildSettings, architecture: Architecture, kernelRelease: string): Wrapping | undefined {
  if (uki === undefined) return undefined;
  findUkify();
  const kernel = uki.kernel ?? findKernelFile({ kernelRelease, sysroot, modulesDirectory: modulesDirectory ?? modulesBelow(sysroot) }, { tried: "making a unified kernel image", option: "--uki-kernel" });
  const settings = ukiFor(architecture, { kernel, sysroot, settings: uki });
  return { make: (initrd, to) => makeUki({ kernel, kernelRelease, initrd, settings, sysroot }, to), moreBytes: statSync(kernel).size };
}

interface IdentifiedLayer {
  layer: PlannedLayer;
  content: ContentHash;
}

/** The image's name, a short hash of all that is in it, and the layers with that name in the site layer. */
async function identify(planned: readonly PlannedLayer[], memo: FileMemo): Promise<{ imageId: string; identified: IdentifiedLayer[] }> {
  const layers = await Promise.all(planned.map(async (layer) => ({ layer, content: await hashContent(layer, memo) })));
  const imageId = sha256(layers.map(({ content }) => content.hash).join("\n")).slice(0, 12);
  const identified = await Promise.all(layers.map(async (each) => {
    if (each.layer.name !== "site") return each;
    const layer = withImageId(each.layer, imageId);
    return { layer, content: await hashContent(layer, memo) };
  }));
  return { imageId, identified };
}

/** The site layer with the image's name in boot.json. */
function withImageId(layer: PlannedLayer, imageId: string): PlannedLayer {
  const entries = layer.entries.map((entry): Entry => {
    if (entry.path !== BOOT_CONFIG_PATH || entry.type !== "file" || !("bytes" in entry.from)) return entry;
    const boot = JSON.parse(entry.from.bytes.toString()) as BootConfig;
    return bootConfigEntry({ ...boot, imageId });
  });
  return { ...layer, entries };
}

/** Seconds; https://reproducible-builds.org/specs/source-date-epoch/ asks for an error where it is malformed. */
function sourceDateEpoch(): number {
  const text = process.env["SOURCE_DATE_EPOCH"] ?? "";
  if (/^\d{0,10}$/.test(text)) return Math.min(Number(text), 0xffff_ffff);
  throw new MkinitrdError({ tried: "reading the time of the files", on: "SOURCE_DATE_EPOCH", found: `it is ${quote(text)}`, next: "set it to seconds since 1970, or not at all" });
}
