import { describe, expect, test } from "vitest";
import crypt from "../../rc.d/crypt.ts";
import { MkinitrdError } from "../../src/core/errors.ts";
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

test("a question that is taken away opens nothing", async () => {
  const ctx = context();
  ctx.ask.unlock = async () => "withdrawn";
  await expect(crypt(ctx)).rejects.toThrow(/opening on \/dev\/vda2: the question for its passphrase was taken away, and no key file has opened it/);
});

test("an exit code that is not about the passphrase ends at once, with the passphrase wiped", async () => {
  const ctx = context({ answers: ["a"], exitCodes: [4] });
  await expect(crypt(ctx)).rejects.toThrow(/unlocking on \/dev\/vda2: cryptsetup: exit code 4[^]*next: check that the disk is still attached/);
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

test("a key file's bytes go to cryptsetup's standard input, nobody is asked, and they are wiped", async () => {
  const options = { keyfile: "/root.key@LABEL=KEYS", "keyfile-offset": "2", "keyfile-size": "3", "keyfile-timeout": "5" };
  const ctx = context({ realroot: { options }, keyFiles: { "/root.key@LABEL=KEYS": "xxkeyxx" } });
  await expect(crypt(ctx)).resolves.toBe("/dev/mapper/root");
  expect(ctx.recorded).toEqual(["opens root", "key file /root.key@LABEL=KEYS", `${OPEN} /dev/vda2 root`, "step opened /dev/vda2 as /dev/mapper/root"]);
  expect(ctx.inputs).toEqual(["key"]);
  expect(ctx.secrets).toEqual([Buffer.alloc(3)]);
});

test("a key file that is missing is said, and the person is asked", async () => {
  const ctx = context({ realroot: { options: { keyfile: "/root.key" } }, answers: ["correct horse"] });
  await crypt(ctx);
  expect(ctx.recorded.slice(2, 4)).toEqual(["warn /dev/vda2: reading the key file on /root.key: no such file; asking for the passphrase", "ask /dev/vda2 1/3"]);
  expect(ctx.inputs).toEqual(["correct horse"]);
});

test("a key file that opens no keyslot is said, and counts as no attempt of the person's", async () => {
  const ctx = context({ realroot: { options: { keyfile: "/root.key" } }, keyFiles: { "/root.key": "old" }, answers: ["correct horse"], exitCodes: [2, 0] });
  await crypt(ctx);
  expect(ctx.recorded).toContain("warn /dev/vda2: the key file /root.key does not open it; asking for the passphrase");
  expect(ctx.recorded).toContain("ask /dev/vda2 1/3");
  expect(ctx.secrets.every((secret) => secret.every((byte) => byte === 0))).toBe(true);
});

test("a detached header on a device: cryptsetup gets both, and the mapping without a name is called by the header's UUID", async () => {
  const { name: _, ...realroot } = { ...context().realroot, options: { header: "PARTLABEL=hdr" } };
  const ctx = createTestContext({ realroot, volumes: { "/dev/vda2": {}, "PARTLABEL=hdr": { ...LUKS, path: "/dev/vdb1" } }, answers: ["a"] });
  await expect(crypt(ctx)).resolves.toBe(`/dev/mapper/luks-${LUKS.content.uuid}`);
  expect(ctx.recorded).toContain(`${OPEN} --header /dev/vdb1 /dev/vda2 luks-${LUKS.content.uuid}`);
});

test("a detached header in a file of the image is given by its path; without the file nobody is asked", async () => {
  const options = { realroot: { options: { header: "/etc/root.header" } }, volumes: { "/dev/vda2": {} }, answers: ["a"] };
  const ctx = context({ ...options, exists: ["/etc/root.header"] });
  await crypt(ctx);
  expect(ctx.recorded).toContain(`${OPEN} --header /etc/root.header /dev/vda2 root`);
  const other = context(options);
  await expect(crypt(other)).rejects.toThrow(/looking for the LUKS header of \/dev\/vda2 on \/etc\/root\.header: no such file in the image/);
  expect(other.recorded).toEqual([]);
});

test("a device named as the header that holds none is refused", async () => {
  const ctx = context({ realroot: { options: { header: "/dev/vdb1" } }, volumes: { "/dev/vda2": {}, "/dev/vdb1": { content: { type: "vfat" } } } });
  await expect(crypt(ctx)).rejects.toThrow(/unlocking on \/dev\/vdb1: vfat, and no LUKS header/);
});

describe("a plain volume", () => {
  const PLAIN = { type: "plain", cipher: "aes-xts-plain64", size: "512", hash: "sha256" };
  const FLAGS = "exec cryptsetup open --type plain --key-file - --cipher aes-xts-plain64 --key-size 512 --hash";
  const opened = { dm: { name: "root", uuid: "CRYPT-PLAIN-root" } };

  test("the passphrase is hashed by cryptsetup, and what the key reveals says whether it was right", async () => {
    const volumes = { "/dev/vda2": {}, "/dev/dm-0": { ...opened, content: { type: "ext4" } } };
    const ctx = context({ realroot: { options: PLAIN }, volumes, answers: ["a"] });
    await expect(crypt(ctx)).resolves.toBe("/dev/mapper/root");
    expect(ctx.recorded.filter((line) => line.startsWith("exec"))).toEqual([`${FLAGS} sha256 /dev/vda2 root`]);
  });

  test("one that opens as noise is closed again, and the person may try again", async () => {
    const ctx = context({ realroot: { options: { ...PLAIN, tries: "2" } }, volumes: { "/dev/vda2": {}, "/dev/dm-0": opened }, answers: ["a", "b"] });
    await expect(crypt(ctx)).rejects.toThrow(/2 passphrases, none fits/);
    expect(ctx.recorded.filter((line) => line === "exec cryptsetup close root")).toHaveLength(2);
    expect(ctx.secrets.every((secret) => secret.every((byte) => byte === 0))).toBe(true);
  });

  test("a key file is the key itself: as many bytes as the key has, and no hash", async () => {
    const volumes = { "/dev/vda2": {}, "/dev/dm-0": { ...opened, content: { type: "ext4" } } };
    const { hash: _, ...options } = PLAIN;
    const ctx = context({ realroot: { options: { ...options, keyfile: "/k", offset: "8", skip: "16", "sector-size": "4096" } }, volumes, keyFiles: { "/k": "k".repeat(100) } });
    await crypt(ctx);
    expect(ctx.recorded).toContain(`${FLAGS} plain --offset 8 --skip 16 --sector-size 4096 /dev/vda2 root`);
    expect(ctx.inputs).toEqual(["k".repeat(64)]);
  });

  test("a volume with a LUKS header is refused", async () => {
    const ctx = context({ realroot: { options: PLAIN } });
    await expect(crypt(ctx)).rejects.toThrow(/opening a plain volume on \/dev\/vda2: a LUKS header/);
    expect(ctx.recorded).toEqual([]);
  });

  test("without a name there is nothing to make one of", async () => {
    const { name: _, ...realroot } = { ...context().realroot, options: PLAIN };
    await expect(crypt(createTestContext({ realroot, volumes: { "/dev/vda2": {} } }))).rejects.toThrow(/no name in the realroot, and a plain volume has no UUID/);
  });
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

describe("a key file on a device that does not come at once", () => {
  const absent = new MkinitrdError({ tried: "waiting for a device", on: "LABEL=KEYS", found: "it did not appear" });

  /** The key file comes when `give` is called, and never when the wait for it is ended. */
  function late(answers: string[], exitCodes: number[]) {
    const ctx = context({ realroot: { options: { keyfile: "/root.key@LABEL=KEYS" } }, answers, exitCodes });
    const key = Promise.withResolvers<Buffer>();
    ctx.keyFiles.read = (_place, { signal } = {}) => {
      if (signal === undefined) return Promise.reject(new MkinitrdError({ tried: "looking for the device of the key file", on: "LABEL=KEYS", found: "it did not appear", cause: absent }));
      signal?.addEventListener("abort", () => key.reject(new Error("the wait was ended")));
      return key.promise;
    };
    const { unlock } = ctx.ask;
    const asked = Promise.withResolvers<AbortSignal>();
    const answer = Promise.withResolvers<void>();
    ctx.ask.unlock = async (question, open) => {
      asked.resolve(question.signal!);
      await Promise.race([answer.promise, new Promise<void>((resolve) => question.signal!.addEventListener("abort", () => resolve()))]);
      return unlock(question, open);
    };
    return { ctx, key, asked: asked.promise, answer: answer.resolve };
  }

  test("the person is asked meanwhile; when the key file opens the volume the question is taken away", async () => {
    const { ctx, key, asked } = late([], [0]);
    const opened = crypt(ctx);
    const signal = await asked;
    const secret = Buffer.from("key");
    key.resolve(secret);
    await expect(opened).resolves.toBe("/dev/mapper/root");
    expect(signal.aborted).toBe(true);
    expect(ctx.inputs).toEqual(["key"]);
    expect(secret).toEqual(Buffer.alloc(3));
  });

  test("when the person is first, nobody waits for the key file any more, and nothing is said about it", async () => {
    const { ctx, asked, answer } = late(["correct horse"], [0]);
    const opened = crypt(ctx);
    await asked;
    answer();
    await expect(opened).resolves.toBe("/dev/mapper/root");
    expect(ctx.inputs).toEqual(["correct horse"]);
    expect(ctx.recorded.filter((line) => line.startsWith("warn"))).toEqual([]);
  });

  test("a key file that opens nothing leaves the question where it is", async () => {
    const { ctx, key, asked, answer } = late(["correct horse"], [2, 0]);
    const opened = crypt(ctx);
    await asked;
    key.resolve(Buffer.from("old"));
    await expect.poll(() => ctx.recorded).toContain("warn /dev/vda2: the key file /root.key@LABEL=KEYS does not open it; asking for the passphrase");
    answer();
    await expect(opened).resolves.toBe("/dev/mapper/root");
    expect(ctx.inputs).toEqual(["old", "correct horse"]);
  });
});
