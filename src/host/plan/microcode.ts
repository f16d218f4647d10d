import { readFile } from "node:fs/promises";
import { hex32, MkinitrdError } from "../../core/errors.ts";
import { describeIoError } from "../read-text.ts";
import { readUnpacked } from "../unpack.ts";
import type { Cpu } from "./cpu.ts";
import type { HostFacts } from "./facts.ts";
import { compressionOf } from "./firmware.ts";
import type { Entry } from "./types.ts";

/** Whose microcode goes in: `auto` is what this machine's own processors take. */
export const MICROCODE_CHOICES = ["auto", "amd", "intel", "both", "none"] as const;
export type MicrocodeChoice = (typeof MICROCODE_CHOICES)[number];

interface Vendor {
  name: "intel" | "amd";
  /** As the processor says it, and the kernel in the name of the file that it looks for. */
  id: string;
  directory: string;
  /** The files that hold microcode; there may be a README and signatures beside them. */
  files: RegExp;
  /** The name of the file for one kind of processor. */
  fileOf(kind: Cpu["kinds"][number]): string;
  /** How a file begins: the header's version of Intel, the magic of AMD. Both little endian. */
  magic: number;
  package: string;
}

const hex = (value: number) => value.toString(16).padStart(2, "0");

/** Documentation/arch/x86/microcode.rst; the files are those of linux-firmware and of Intel's own releases. */
const VENDORS: Vendor[] = [
  {
    name: "intel", id: "GenuineIntel", directory: "/lib/firmware/intel-ucode", magic: 1, package: "intel-microcode",
    files: /^[0-9a-f]{2}-[0-9a-f]{2}-[0-9a-f]{2}(\.initramfs)?(\.(xz|zst|gz))?$/, // .initramfs is Debian's: for the early boot alone
    fileOf: ({ family, model, stepping }) => [family, model, stepping].map(hex).join("-"),
  },
  {
    name: "amd", id: "AuthenticAMD", directory: "/lib/firmware/amd-ucode", magic: 0x00414d44, package: "amd64-microcode",
    files: /^microcode_amd(_fam[0-9a-f]+h)?\.bin(\.(xz|zst|gz))?$/,
    fileOf: ({ family }) => (family < 0x15 ? "microcode_amd.bin" : `microcode_amd_fam${hex(family)}h.bin`),
  },
];

/** The early layer: kernel/x86/microcode/VENDOR.bin, all files of a vendor behind one another. The kernel reads it where it lies, before it unpacks anything. */
export async function planMicrocode(choice: MicrocodeChoice, { sysroot, cpu, kernelConfig, modules }: Pick<HostFacts, "sysroot" | "cpu" | "kernelConfig" | "modules">): Promise<{ entries: Entry[]; notes: string[] }> {
  const wanted = VENDORS.filter(({ name, id }) => (choice === "auto" ? id === cpu?.vendor && !cpu.virtual : choice === name || choice === "both"));
  if (wanted.length === 0) return { entries: [], notes: [] };
  if (kernelConfig !== undefined && kernelConfig.value("CONFIG_MICROCODE") !== "y") {
    return { entries: [], notes: [`kernel ${modules.release} loads no microcode (CONFIG_MICROCODE is not set in ${kernelConfig.file}): none is packed`] };
  }
  const entries: Entry[] = [];
  const notes: string[] = [];
  for (const vendor of wanted) {
    const own = choice === "auto" ? new Set((cpu?.kinds ?? []).map((kind) => vendor.fileOf(kind))) : undefined;
    const names = sysroot.list(vendor.directory).filter((name) => vendor.files.test(name) && (own?.has(name.replace(/\.(xz|zst|gz)$/, "").replace(/\.initramfs$/, "")) ?? true));
    if (names.length === 0) notes.push(`no microcode for ${own === undefined ? `processors of ${vendor.name}` : `this machine's processor (${[...own].join(", ")})`} in ${vendor.directory}; on Debian: apt-get install ${vendor.package}`);
    else entries.push(await vendorEntry(vendor, names.map((name) => sysroot.find(`${vendor.directory}/${name}`)?.file ?? ""), choice));
  }
  return { entries, notes };
}

async function vendorEntry({ id, directory, magic }: Vendor, files: string[], choice: MicrocodeChoice): Promise<Entry> {
  const parts = await Promise.all(files.map((file) => readMicrocode(file, magic)));
  return { path: `kernel/x86/microcode/${id}.bin`, mode: 0o644, reason: `${directory}, microcode: ${choice}`, type: "file", from: { bytes: Buffer.concat(parts) } };
}

async function readMicrocode(file: string, magic: number): Promise<Buffer> {
  const format = compressionOf(file);
  const bytes = format === undefined ? await readPlain(file) : await readUnpacked(file, format);
  const found = bytes.length < 4 ? undefined : bytes.readUInt32LE(0);
  if (found === magic) return bytes;
  throw new MkinitrdError({
    tried: "reading the microcode", on: file, found: found === undefined ? `it has ${bytes.length} bytes` : `it begins with ${hex32(found)}, not ${hex32(magic)}`,
    next: "install its package again, or leave it out: microcode: none",
  });
}

async function readPlain(file: string): Promise<Buffer> {
  try {
    return await readFile(file);
  } catch (cause) {
    throw new MkinitrdError({ tried: "reading the microcode", on: file, found: describeIoError(cause), cause });
  }
}
