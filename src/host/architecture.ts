import { endianness } from "node:os";
import { MkinitrdError } from "../core/errors.ts";
import { probeElf, type Elf } from "../core/formats/elf.ts";
import { withFile } from "./plan/file-source.ts";
import { findProgram } from "./plan/programs.ts";
import type { Sysroot } from "./plan/sysroot.ts";

export type ArchitectureName = "x86_64" | "aarch64";

/** A processor architecture that images are built for. */
export interface Architecture {
  /** As `uname -m` says it. */
  name: ArchitectureName;
  /** In Node's words, and Debian's. */
  node: "x64" | "arm64";
  debian: "amd64" | "arm64";
  /** e_machine of its programs, and of the 32-bit ones that it runs as well. gABI 4.1, "ELF Header", and the processors' supplements. */
  elfMachine: number;
  elfMachine32: number;
}

export const ARCHITECTURES: Record<ArchitectureName, Architecture> = {
  x86_64: { name: "x86_64", node: "x64", debian: "amd64", elfMachine: 62, elfMachine32: 3 },
  aarch64: { name: "aarch64", node: "arm64", debian: "arm64", elfMachine: 183, elfMachine32: 40 },
};

/** That of this machine; Node is not built for another one. */
export function ownArchitecture(node: string = process.arch): Architecture {
  const own = Object.values(ARCHITECTURES).find((each) => each.node === node);
  if (own !== undefined) return own;
  throw new MkinitrdError({ tried: "finding this machine's architecture", on: `${node}, ${endianness()}`, found: "images are built on and for x86-64 and arm64 alone" });
}

/**
 * What a sysroot's programs are for: its busybox, without which there is no image. The machine's own for the sysroot that is
 * this machine, and for one whose busybox is no ELF file. Throws for an architecture that no image can be built for.
 */
export async function sysrootArchitecture(sysroot: Sysroot): Promise<Architecture> {
  const busybox = sysroot.path === "/" ? undefined : findProgram(sysroot, "busybox");
  const elf = busybox === undefined ? undefined : await withFile(busybox.file, probeElf);
  if (busybox === undefined || elf === undefined) return ownArchitecture();
  const found = Object.values(ARCHITECTURES).find((each) => runs(each, elf));
  if (found !== undefined) return found;
  throw new MkinitrdError({
    tried: "finding the architecture of the sysroot", on: busybox.file, found: `it is a program for ${describeMachine(elf)}`,
    next: `name a sysroot with programs for one of these: ${Object.keys(ARCHITECTURES).join(", ")}`,
  });
}

/** Whether a program runs there. */
export function runs({ elfMachine, elfMachine32 }: Architecture, { machine, bits }: Pick<Elf, "machine" | "bits">): boolean {
  return machine === elfMachine || (bits === 32 && machine === elfMachine32);
}

const MACHINES: Record<number, string> = { 3: "i386", 8: "mips", 20: "ppc", 21: "ppc64", 22: "s390x", 40: "arm", 62: "x86_64", 183: "aarch64", 243: "riscv", 258: "loongarch" };

/** What a program is for, for a person: `aarch64`. */
export function describeMachine({ machine, bits }: Pick<Elf, "machine" | "bits">): string {
  const name = MACHINES[machine];
  return name === undefined ? `the machine ${machine} with ${bits} bits` : name;
}
