import { posix } from "node:path";
import { memorySource } from "../../core/binary/source.ts";
import { MkinitrdError } from "../../core/errors.ts";
import { probeElf } from "../../core/formats/elf.ts";
import { type BootConfig, kindTable } from "../../core/rc/boot-config.ts";
import { parseHeader, type RcHeader } from "../../core/rc/header.ts";
import { parseCrypttab } from "../../core/realroot/crypttab.ts";
import type { Stage } from "../../core/realroot/types.ts";
import { contentOf, type OpenedImage } from "../image/open.ts";
import type { ImageNode } from "../image/tree-types.ts";
import { BOOT_CONFIG_PATH } from "../plan/boot-layer.ts";
import { moduleName } from "../plan/module-index.ts";

/** What a check asks an image. */
export interface ImageFacts {
  boot: BootConfig;
  /** Of the modules; absent where the image has none. */
  kernelRelease?: string;
  /** Stages of its /etc/crypttab that the boot opens by itself when something is missing. */
  crypttab: Stage[];
  /** The header of the script that serves a kind, or is a boot step; undefined when the image has none. */
  scriptOf(kind: string): Promise<{ path: string; header: RcHeader } | undefined>;
  /** Where a driver is: `packed`, or `built in` the kernel that the image is for; undefined for neither. Names and aliases. */
  driver(name: string): "packed" | "built in" | undefined;
  /** Whether there is a file at an absolute path of the image. */
  hasFile(path: string): boolean;
  /** A program's path, and those of the libraries that it needs and the image has not; undefined when it has no such program. */
  program(name: string): Promise<{ path: string; missing: string[] } | undefined>;
}

const PROGRAM_DIRECTORIES = ["usr/sbin", "usr/bin", "sbin", "bin"];
const LIBRARY_DIRECTORIES = /^(usr\/)?lib(32|64|x32)?(\/[^/]+-linux-[^/]+)?$/;
/** Of the dynamic linkers of all architectures: they are there as the interpreter. */
const LINKER = /^ld-linux|^ld64|^ld\.so/;

/** Reads what an image of ours says of itself. Throws for one of another tool. */
export async function imageFacts(image: OpenedImage): Promise<ImageFacts> {
  const { tree } = image;
  const config = tree.find(BOOT_CONFIG_PATH);
  if (config === undefined) {
    throw new MkinitrdError({ tried: "checking the image", on: image.file, found: `it has no /${BOOT_CONFIG_PATH}: another tool made it`, next: "build one with mkinitrd build; ls, cat and size look into those of other tools" });
  }
  const boot = JSON.parse((await contentOf(config)).toString()) as BootConfig;
  const index = tree.nodes.find(({ path }) => /^(usr\/)?lib\/modules\/[^/]+\/modules\.dep$/.test(path));
  const directory = index === undefined ? undefined : posix.dirname(index.path);
  const lines = async (name: string) => {
    const node = directory === undefined ? undefined : tree.find(`${directory}/${name}`);
    return node === undefined ? [] : (await contentOf(node)).toString().split("\n");
  };
  const packed = new Set((await lines("modules.dep")).map((line) => moduleName(line.split(":", 1)[0] ?? "")));
  const builtin = new Set((await lines("modules.builtin")).map(moduleName));
  const aliases = new Set((await lines("modules.alias")).map((line) => line.split(" ")[1] ?? ""));
  const libraries = new Set(tree.nodes.filter(({ path }) => LIBRARY_DIRECTORIES.test(posix.dirname(path))).map(({ path }) => posix.basename(path)));
  const crypttab = tree.find("etc/crypttab");
  const { entries } = crypttab === undefined ? { entries: [] } : parseCrypttab((await contentOf(crypttab)).toString(), kindTable(boot));
  return {
    boot,
    crypttab: entries.filter(({ manual }) => !manual).flatMap(({ otherwise, stage }) => [stage, ...(otherwise === undefined ? [] : [otherwise])]),
    ...(directory === undefined ? {} : { kernelRelease: posix.basename(directory) }),
    async scriptOf(kind) {
      const script = boot.kinds[kind]?.script ?? boot.steps.find(({ name }) => name === kind)?.script;
      const path = `usr/lib/mkinitrd/${script}`;
      const node = script === undefined ? undefined : tree.find(path);
      return node === undefined ? undefined : { path, header: parseHeader((await contentOf(node)).toString(), path) };
    },
    driver: (name) => (packed.has(moduleName(name)) || aliases.has(name) ? "packed" : builtin.has(moduleName(name)) ? "built in" : undefined),
    hasFile: (path) => tree.find(posix.normalize(path).slice(1))?.type === "file",
    async program(name) {
      const node = PROGRAM_DIRECTORIES.map((folder) => tree.find(`${folder}/${name}`)).find((found) => found?.type === "file" && (found.mode & 0o111) !== 0);
      return node === undefined ? undefined : { path: node.path, missing: await missingLibraries(node, libraries) };
    },
  };
}

/** Of those that it names itself; what these need was looked for when they were packed. */
async function missingLibraries(node: ImageNode, libraries: ReadonlySet<string>): Promise<string[]> {
  const elf = await probeElf(memorySource(await contentOf(node), node.path)).catch(() => undefined);
  return (elf?.needed ?? []).filter((name) => !libraries.has(posix.basename(name)) && !LINKER.test(name));
}
