import { expect, test } from "vitest";
import { givesShell } from "../../src/boot/config.ts";
import type { BootConfig } from "../../src/core/rc/boot-config.ts";

const config = (encrypted: unknown) => ({ encrypted }) as BootConfig;

test.each([
  { what: "an image without encrypted kinds", config: config(false), line: "quiet", shell: true },
  { what: "one whose command line forbids it", config: config(false), line: "realroot=rubbish mkinitrd.shell=0", shell: false },
  { what: "one whose command line forbids it in dracut's words", config: config(false), line: "rd.shell=0", shell: false },
  { what: "one whose command line says both", config: config(false), line: "mkinitrd.shell=0 mkinitrd.shell=1", shell: false },
  { what: "an encrypted image, whatever the command line says", config: config(true), line: "mkinitrd.shell=1 mkinitrd.break=mount", shell: false },
  { what: "an image that does not say whether it is encrypted", config: config(undefined), line: "", shell: false },
  { what: "an image without a configuration", config: undefined, line: "", shell: false },
])("$what: a shell is $shell", ({ config, line, shell }) => {
  expect(givesShell(config, line)).toBe(shell);
});
