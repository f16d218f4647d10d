import { expect, test } from "vitest";
import { readRescue } from "../../src/boot/config.ts";
import { type BootConfig, DEFAULT_RESCUE, type RescuePolicy } from "../../src/core/rc/boot-config.ts";

const config = (encrypted: unknown, rescue: Partial<RescuePolicy> = {}) => ({ encrypted, rescue: { ...DEFAULT_RESCUE, ...rescue } }) as BootConfig;
const passwordHash = "$argon2id$…";

test.each([
  { what: "an image without encrypted kinds", config: config(false), line: "quiet", shell: "open" },
  { what: "one whose command line forbids it", config: config(false), line: "realroot=rubbish mkinitrd.shell=0", shell: "never" },
  { what: "one whose command line forbids it in dracut's words", config: config(false), line: "rd.shell=0", shell: "never" },
  { what: "one whose command line says both", config: config(false), line: "mkinitrd.shell=0 mkinitrd.shell=1", shell: "never" },
  { what: "one with a password", config: config(false, { passwordHash }), line: "mkinitrd.shell=1", shell: "password" },
  { what: "an encrypted image, whatever the command line says", config: config(true), line: "mkinitrd.shell=1 mkinitrd.break=mount", shell: "never" },
  { what: "an encrypted image with a password", config: config(true, { passwordHash }), line: "", shell: "password" },
  { what: "an encrypted image with a password, whose command line forbids it", config: config(true, { passwordHash }), line: "mkinitrd.shell=0", shell: "never" },
  { what: "an image that does not say whether it is encrypted", config: config(undefined), line: "", shell: "never" },
  { what: "an image without a configuration", config: undefined, line: "", shell: "never" },
])("$what: a shell is for $shell", ({ config, line, shell }) => {
  expect(readRescue(config, line).shell).toBe(shell);
});

test("a failure opens no shell by itself where nobody gets one", () => {
  expect(readRescue(config(true, { onFailure: "shell" }), "").onFailure).toBe("menu");
  expect(readRescue(config(false, { onFailure: "shell" }), "").onFailure).toBe("shell");
  expect(readRescue(config(true, { onFailure: "reboot" }), "").onFailure).toBe("reboot");
});
