import { expect, test } from "vitest";
import crypt from "../../rc.d/crypt.ts";
import { createTestContext, type TestContextOptions } from "../../src/core/rc/testing.ts";

const LUKS = { content: { type: "crypto_LUKS", uuid: "2c7a8c7e-0000-4000-8000-000000000001", version: "2" } };

function context(options: TestContextOptions = {}) {
  const realroot = { kind: "crypt", device: "/dev/vda2", name: "root", ...options.realroot };
  return createTestContext({ volumes: { "/dev/vda2": LUKS }, ...options, realroot });
}

const OPEN = "exec cryptsetup open --type luks --key-file -";

test("the passphrase goes to cryptsetup's standard input and the mapping is returned", async () => {
  const ctx = context({ answers: ["correct horse"] });
  await expect(crypt(ctx)).resolves.toBe("/dev/mapper/root");
  expect(ctx.recorded).toEqual(["opens root", "ask /dev/vda2 1/3", `${OPEN} /dev/vda2 root`, "step opened /dev/vda2 as /dev/mapper/root"]);
  expect(ctx.inputs).toEqual(["correct horse"]);
});

test("a wrong passphrase is asked for again, and every one is wiped", async () => {
  const ctx = context({ answers: ["wrong", "right"], exitCodes: [2, 0] });
  await crypt(ctx);
  expect(ctx.recorded.filter((line) => line.startsWith("ask"))).toEqual(["ask /dev/vda2 1/3", "ask /dev/vda2 2/3"]);
  expect(ctx.secrets.map((secret) => secret.every((byte) => byte === 0))).toEqual([true, true]);
});

test("after the last attempt the error says how many were made, and the secrets are wiped", async () => {
  const ctx = context({ realroot: { options: { tries: "2" } }, answers: ["a", "b"], exitCodes: [2, 2] });
  await expect(crypt(ctx)).rejects.toThrow(/unlocking on \/dev\/vda2: 2 passphrases, none fits/);
  expect(ctx.secrets.every((secret) => secret.every((byte) => byte === 0))).toBe(true);
});

test("an exit code that is not about the passphrase ends at once, with the passphrase wiped", async () => {
  const ctx = context({ answers: ["a"], exitCodes: [4] });
  await expect(crypt(ctx)).rejects.toThrow(/exit code 4/);
  expect(ctx.secrets[0]).toEqual(Buffer.alloc(1));
});

test("without a name the mapping is luks-UUID", async () => {
  const { name: _, ...realroot } = { ...context().realroot };
  const ctx = createTestContext({ realroot, volumes: { "/dev/vda2": LUKS }, answers: ["a"] });
  await expect(crypt(ctx)).resolves.toBe(`/dev/mapper/luks-${LUKS.content.uuid}`);
});

test("options become cryptsetup's flags", async () => {
  const ctx = context({ realroot: { options: { discard: true, readonly: true, keyslot: "3" } }, answers: ["a"] });
  await crypt(ctx);
  expect(ctx.recorded).toContain(`${OPEN} --allow-discards --readonly --key-slot 3 /dev/vda2 root`);
});

test.each(["tries", "keyslot"])("%s must be a whole number", async (key) => {
  for (const value of ["-1", "two", "", true] as const) {
    await expect(crypt(context({ realroot: { options: { [key]: value } }, answers: ["a"] }))).rejects.toThrow(
      new RegExp(`reading the option ${key} of the realroot`),
    );
  }
});

test("a mapping that is open already is used without a question", async () => {
  const ctx = context({ exists: ["/dev/mapper/root"] });
  await expect(crypt(ctx)).resolves.toBe("/dev/mapper/root");
  expect(ctx.recorded).toEqual([]);
});

test("a device without a LUKS header is refused before anybody types", async () => {
  const ctx = context({ volumes: { "/dev/vda2": { content: { type: "ext4" } } } });
  await expect(crypt(ctx)).rejects.toThrow(/unlocking on \/dev\/vda2: ext4, and no LUKS header/);
  expect(ctx.recorded).toEqual([]);
});

test("keyslots that want more memory than there is are refused with both figures", async () => {
  const content = { ...LUKS.content, kdfMemoryBytes: { least: 2 ** 30, most: 2 ** 30 } };
  const ctx = context({ volumes: { "/dev/vda2": { content } }, availableMemoryBytes: 200 * 2 ** 20 });
  await expect(crypt(ctx)).rejects.toThrow(/wants 1024 MiB of memory, and 200 MiB are free/);
  expect(ctx.recorded).toEqual([]);
});

test("when only the dearer keyslot wants too much, cryptsetup's exit code 3 brings the figures", async () => {
  const content = { ...LUKS.content, kdfMemoryBytes: { least: 2 ** 20, most: 2 ** 30 } };
  const ctx = context({ volumes: { "/dev/vda2": { content } }, availableMemoryBytes: 200 * 2 ** 20, answers: ["a"], exitCodes: [3] });
  await expect(crypt(ctx)).rejects.toThrow(/wants 1024 MiB of memory, and 200 MiB are free/);
  expect(ctx.secrets[0]).toEqual(Buffer.alloc(1));
});
