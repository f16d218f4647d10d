import { join, resolve } from "node:path";
import { MkinitrdError } from "../../core/errors.ts";
import { quote } from "../../core/quote.ts";
import { cacheDirectory } from "../cache.ts";
import { openFileMemo } from "../file-memo.ts";
import { buildLayer, forgetDamaged } from "../layers/build.ts";
import { chooseCompressor } from "../layers/compress.ts";
import { pruneBuilt } from "../layers/prune.ts";
import type { BuiltLayer, Compression, LayerOptions } from "../layers/types.ts";
import type { ImageConfig } from "../plan/facts.ts";
import { type IdentifiedLayer, identify } from "./identify.ts";
import { checkOutput, isInPlace, writeImage } from "./image.ts";
import { ramNeeded, type MemoryNeed } from "./memory.ts";
import { packedBytes } from "./packed-bytes.ts";
import { prepareBuild } from "./prepare.ts";
import { checkArchive } from "./read-back.ts";
import type { UkiSettings } from "./uki.ts";

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

/** What is going on, for a person who waits: `building the layer modules`. */
export type Progress = (text: string) => void;

/** Plans, builds what the cache does not have, and writes the image. On an error nothing is installed. */
export async function buildImage(settings: BuildSettings, progress: Progress = () => {}): Promise<BuildReport> {
  checkOutput(settings.output);
  chooseCompressor(settings.compression); // a program that is missing is no news for the end
  const mtime = sourceDateEpoch();
  const memo = openFileMemo(join(cacheDirectory("layers"), "files.json"));
  const { drivers, notes, plan, wrap } = await prepareBuild(settings, memo, progress);
  const { identified, imageId } = await identify(plan.layers, memo);
  let layers = await buildLayers(identified, settings, mtime, progress);
  memo.save();
  if (layers.some(({ cacheHit }) => !cacheHit)) for (const kind of ["layers", "snapshots", "scripts"]) pruneBuilt(cacheDirectory(kind));
  progress(`writing ${settings.output}`);
  const check = async (file: string, isInPlace = false) => settings.check?.({ file, isInPlace, kernelRelease: plan.kernelRelease, drivers });
  const unchanged = wrap === undefined && (await isInPlace(layers, settings.output));
  if (unchanged) await check(resolve(settings.output), true);
  const write = () => writeImage(layers, settings.output, { keepOld: settings.keepOld, wrap, check });
  const bytes = unchanged ? packedBytes(layers) : await write().catch(async (error: unknown) => {
    if (!forgetDamaged(layers)) throw error;
    layers = await buildLayers(identified, settings, mtime, progress);
    return write();
  });
  const { kernelRelease, kinds, steps } = plan;
  return { output: settings.output, unchanged, bytes, kernelRelease, imageId, steps, kinds, layers, memory: ramNeeded(layers), notes };
}

/** All layers side by side; microcode is read by the kernel before it unpacks anything. */
function buildLayers(identified: readonly IdentifiedLayer[], { compression }: BuildSettings, mtime: number, progress: Progress): Promise<BuiltLayer[]> {
  const options: LayerOptions = { compression, cacheDirectory: cacheDirectory("layers"), mtime, check: checkArchive };
  return Promise.all(identified.map(async ({ layer, content }) => {
    const built = await buildLayer(layer, content, layer.name === "early" ? { ...options, compression: { format: "none" } } : options);
    progress(`${built.cacheHit ? "kept" : "built"} the layer ${layer.name}`);
    return built;
  }));
}

/** Seconds; https://reproducible-builds.org/specs/source-date-epoch/ asks for an error where it is malformed. */
function sourceDateEpoch(): number {
  const text = process.env["SOURCE_DATE_EPOCH"] ?? "";
  if (/^\d{0,10}$/.test(text)) return Math.min(Number(text), 0xffff_ffff);
  throw new MkinitrdError({ tried: "reading the time of the files", on: "SOURCE_DATE_EPOCH", found: `it is ${quote(text)}`, next: "set it to seconds since 1970, or not at all" });
}
