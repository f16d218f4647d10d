import { readFileSync } from "node:fs";

/** The processors of this machine, as far as microcode goes by them. */
export interface Cpu {
  /** `GenuineIntel`, `AuthenticAMD` or another. */
  vendor: string;
  /** One for each kind of core; decimal in /proc/cpuinfo. */
  kinds: { family: number; model: number; stepping: number }[];
  /** Under a hypervisor, which alone may load microcode. */
  virtual: boolean;
}

/** Reads /proc/cpuinfo; undefined where it names no vendor, as on other architectures. */
export function readCpu(file = "/proc/cpuinfo"): Cpu | undefined {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch {
    return undefined;
  }
  return parseCpuinfo(text);
}

/** A block of `key : value` lines for each processor. arch/x86/kernel/cpu/proc.c */
export function parseCpuinfo(text: string): Cpu | undefined {
  const processors = text.split(/\n\n+/).map((block) => new Map(block.split("\n").map((line) => line.split(/\s*:\s*/, 2) as [string, string])));
  const known = processors.filter((processor) => processor.has("vendor_id"));
  const [first] = known;
  if (first === undefined) return undefined;
  const kinds = known.map((processor) => ({ family: number(processor, "cpu family"), model: number(processor, "model"), stepping: number(processor, "stepping") }));
  return {
    vendor: first.get("vendor_id") ?? "",
    kinds: [...new Map(kinds.map((kind) => [JSON.stringify(kind), kind])).values()],
    virtual: (first.get("flags") ?? "").split(" ").includes("hypervisor"),
  };
}

function number(processor: Map<string, string>, key: string): number {
  return Number.parseInt(processor.get(key) ?? "0", 10) || 0;
}
