import { afterEach, expect, test } from "vitest";
import { spawnQemu } from "../../../src/host/qemu/process.ts";

const { PATH } = process.env;
afterEach(() => { process.env["PATH"] = PATH; });

test.each([["x86_64", "qemu-system-x86"], ["aarch64", "qemu-system-arm"]] as const)("without QEMU for %s the error names Debian's package %s", (architecture, name) => {
  process.env["PATH"] = "/none";
  expect(() => spawnQemu([], architecture)).toThrow(new RegExp(`starting a virtual machine on this machine: no program qemu-system-${architecture}\n  next: .*apt-get install ${name}$`));
});
