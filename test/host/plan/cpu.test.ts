import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { expect, test } from "vitest";
import { parseCpuinfo, readCpu } from "../../../src/host/plan/cpu.ts";

const core = (number: number, model: number) => `processor\t: ${number}\nvendor_id\t: GenuineIntel\ncpu family\t: 6\nmodel\t\t: ${model}\nmodel name\t: Some: Core\nstepping\t: 3\nflags\t\t: fpu vme\n`;

test("each kind of core counts once", () => {
  expect(parseCpuinfo([core(0, 154), core(1, 154), core(2, 190)].join("\n"))).toEqual({
    vendor: "GenuineIntel", virtual: false, kinds: [{ family: 6, model: 154, stepping: 3 }, { family: 6, model: 190, stepping: 3 }],
  });
});

test("a guest knows that it is one", () => {
  expect(parseCpuinfo(core(0, 1).replace("fpu", "fpu hypervisor"))?.virtual).toBe(true);
});

test.each(["", "processor : 0\nCPU implementer : 0x41\n"])("what names no vendor has no microcode of these", (text) => {
  expect(parseCpuinfo(text)).toBeUndefined();
  expect(readCpu("/no/such/file")).toBeUndefined();
});

test.skipIf(!existsSync("/proc/cpuinfo") || process.arch !== "x64")("this machine's vendor is that of lscpu (skipped where it is no x86)", () => {
  const printed = execFileSync("lscpu", { encoding: "utf8", env: { ...process.env, LC_ALL: "C" } });
  const field = (name: string) => new RegExp(`^\\s*${name}:\\s*(\\S+)`, "m").exec(printed)?.[1];
  const { vendor, kinds, virtual } = readCpu() ?? expect.fail("no /proc/cpuinfo");
  expect({ vendor, family: String(kinds[0]?.family), model: String(kinds[0]?.model), stepping: String(kinds[0]?.stepping), virtual })
    .toEqual({ vendor: field("Vendor ID"), family: field("CPU family"), model: field("Model"), stepping: field("Stepping"), virtual: field("Hypervisor vendor") !== undefined });
});
