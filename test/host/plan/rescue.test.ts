import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { DEFAULT_RESCUE } from "../../../src/core/rc/boot-config.ts";
import { checkPassword } from "../../../src/core/rescue/password.ts";
import { openFileMemo } from "../../../src/host/file-memo.ts";
import { planRescue } from "../../../src/host/plan/rescue.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "mkinitrd-rescue-"));
  vi.stubEnv("MKINITRD_CACHE", join(folder, "cache"));
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true });
});

const memo = () => openFileMemo(join(folder, "memo.json"));

function passwordFile(text: string): string {
  writeFileSync(join(folder, "password"), text);
  return join(folder, "password");
}

test("without settings there is the menu, and no password", async () => {
  await expect(planRescue(undefined, true, memo())).resolves.toEqual(DEFAULT_RESCUE);
});

test("of the password only a hash goes into the image, the same for each build of one machine and no other", async () => {
  const settings = { ...DEFAULT_RESCUE, passwordFile: passwordFile("pässwörd\n") };
  const { passwordHash, ...policy } = await planRescue(settings, true, memo());
  expect(policy).toEqual(DEFAULT_RESCUE);
  await expect(checkPassword(Buffer.from("pässwörd"), passwordHash ?? "")).resolves.toBe(true);
  expect((await planRescue(settings, true, memo())).passwordHash).toBe(passwordHash);
  expect(statSync(join(folder, "cache/rescue-salt")).mode & 0o777).toBe(0o600);
  vi.stubEnv("MKINITRD_CACHE", join(folder, "another-machine"));
  expect((await planRescue(settings, true, memo())).passwordHash).not.toBe(passwordHash);
});

test.each([
  { what: "an empty file", text: "\n", found: /it is empty/ },
  { what: "several lines", text: "a\nb\n", found: /several lines, or control characters/ },
  { what: "a long one", text: "x".repeat(513), found: /it has 513 bytes; 512 are the most/ },
])("$what is refused", async ({ text, found }) => {
  await expect(planRescue({ ...DEFAULT_RESCUE, passwordFile: passwordFile(text) }, true, memo())).rejects.toThrow(found);
});

test("a file that is not there is an error with what to do", async () => {
  await expect(planRescue({ ...DEFAULT_RESCUE, passwordFile: join(folder, "none") }, true, memo())).rejects.toThrow(/reading the rescue password on .*none: no such file[^]*next: correct rescue\.password-file/);
  await expect(planRescue({ ...DEFAULT_RESCUE, passwordFile: folder }, true, memo())).rejects.toThrow(/reading the rescue password on .*: it is a directory/);
  await expect(planRescue({ ...DEFAULT_RESCUE, passwordFile: "/dev/null" }, true, memo())).rejects.toThrow(/reading the rescue password on \/dev\/null: it is no regular file/);
});

test("a shell on failure needs a password where roots are encrypted", async () => {
  const settings = { ...DEFAULT_RESCUE, onFailure: "shell" } as const;
  await expect(planRescue(settings, true, memo())).rejects.toThrow(/rescue\.on-failure: shell: the image opens encrypted roots/);
  await expect(planRescue(settings, false, memo())).resolves.toEqual(settings);
  await expect(planRescue({ ...settings, passwordHash: "$argon2id$…" }, true, memo())).resolves.toMatchObject({ onFailure: "shell" });
});
