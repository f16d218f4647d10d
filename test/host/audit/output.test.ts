import { expect, test } from "vitest";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { modelessFilesystem } from "../../../src/host/audit/filesystem.ts";
import { checkSecretsOutput } from "../../../src/host/audit/output.ts";
import type { Entry, Plan } from "../../../src/host/plan/types.ts";

const VFAT = 0x4d44; // linux/magic.h
const EXT4 = 0xef53;
const PEM = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIPY5TtZ4lEGIH5q6DYO3uSw6y2mNhe6V\n-----END PRIVATE KEY-----\n";
const output = "/boot/efi/initrd.img";

test("a key of the image is refused on a filesystem without modes, with what it is and what to do", async () => {
  const key = file("etc/root", "x".repeat(32));
  const crypttab = file("etc/crypttab", "root UUID=1 /etc/root luks\n");
  const error = await checkSecretsOutput(plan(key, crypttab), { output }, () => VFAT).catch(String);
  expect(error).toMatch(/writing the image on \/boot\/efi\/initrd.img: it would hold \/etc\/root \(key file: \/etc\/crypttab, line 1, names it for root\), and lie on vfat/);
  expect(error).toMatch(/next: .*--expose \/etc\/root, or expose: \[\/etc\/root\]/);
});

test("a filesystem with modes takes it; one without takes what is named, and nothing else", async () => {
  const keys = plan(file("etc/a.pem", PEM), file("etc/b.pem", PEM));
  await expect(checkSecretsOutput(keys, { output }, () => EXT4)).resolves.toBeUndefined();
  await expect(checkSecretsOutput(keys, { output, expose: ["/etc/a.pem"] }, () => VFAT)).rejects.toThrow(/it would hold \/etc\/b.pem/);
  await expect(checkSecretsOutput(keys, { output, expose: ["/etc/a.pem", "/etc/b.pem"] }, () => VFAT)).resolves.toBeUndefined();
});

test("what wants guessing or another key, and an image without secrets, are no matter", async () => {
  const boot = file("etc/mkinitrd/boot.json", '{ "passwordHash": "$argon2id$v=19$m=64,t=1,p=2$YWJjZGVmZ2g$1O+b90SwLfh5InJYwysEJqyzqGrvLsAV" }');
  await expect(checkSecretsOutput(plan(boot, file("x.age", "age-encryption.org/v1\n"), file("etc/motd", "hello")), { output }, () => VFAT)).resolves.toBeUndefined();
});

test("this machine's own filesystem is asked; a directory that is not there is another error's matter", async () => {
  const keys = plan(file("etc/a.pem", PEM));
  await expect(checkSecretsOutput(keys, { output: join(tmpdir(), "initrd.img") })).resolves.toBeUndefined();
  await expect(checkSecretsOutput(keys, { output: "/nowhere/at/all.img" })).resolves.toBeUndefined();
});

test.each([[0x4d44, "vfat"], [0x2011bab0, "exfat"], [0x5346544e, "ntfs"], [0xef53, undefined], [0x01021994, undefined], [0x9123683e, undefined]])("statfs's %i is %s", (type, name) => {
  expect(modelessFilesystem(type)).toBe(name);
});

function file(path: string, text: string): Entry {
  return { path, mode: 0o600, reason: "files: of the configuration", type: "file", from: { bytes: Buffer.from(text) } };
}

function plan(...entries: Entry[]): Pick<Plan, "layers"> {
  return { layers: [{ name: "site", entries }] };
}
