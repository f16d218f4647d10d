import { execFileSync, spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { findSecrets } from "../../../src/host/audit/audit.ts";
import type { AuditedFile, Secret } from "../../../src/host/audit/types.ts";

let directory: string;
beforeAll(() => { directory = mkdtempSync(join(tmpdir(), "audit-")); });
afterAll(() => rmSync(directory, { recursive: true }));

const openssl = (output: string, ...args: string[]) => execFileSync("openssl", [...args, "-out", output], { stdio: "pipe" });
const missing = ["openssl", "ssh-keygen", "cryptsetup"].filter((tool) => spawnSync("sh", ["-c", `command -v ${tool}`]).status !== 0);

describe.skipIf(missing.length > 0)(`what the field's own tools make (skipped, not on this machine: ${missing.join(", ")})`, () => {
  test.each([
    { what: "openssl genpkey, PEM", make: (to: string) => openssl(to, "genpkey", "-algorithm", "ed25519"), kind: "private key", reason: /BEGIN PRIVATE KEY/ },
    { what: "openssl genpkey, DER", make: (to: string) => openssl(to, "genpkey", "-algorithm", "ed25519", "-outform", "DER"), kind: "private key", reason: /PKCS#8/ },
    { what: "openssl genrsa -traditional, DER", make: (to: string) => rsaDer(to), kind: "private key", reason: /PKCS#1/ },
    { what: "openssl ecparam, DER", make: (to: string) => openssl(to, "ecparam", "-genkey", "-noout", "-name", "prime256v1", "-outform", "DER"), kind: "private key", reason: /SEC 1/ },
    { what: "openssl genpkey under a passphrase", make: (to: string) => openssl(to, "genpkey", "-algorithm", "ed25519", "-aes256", "-pass", "pass:x"), kind: "sealed secret", reason: /under a passphrase/ },
    { what: "openssl pkcs12", make: pkcs12, kind: "private key", reason: /PKCS#12/ },
    { what: "ssh-keygen", make: (to: string) => { execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", `${to}.ssh`]); writeFileSync(to, readFileSync(`${to}.ssh`)); }, kind: "private key", reason: /BEGIN OPENSSH PRIVATE KEY/ },
    { what: "openssl passwd, in a shadow", make: (to: string) => writeFileSync(to, `root:${execFileSync("openssl", ["passwd", "-6", "x"]).toString().trim()}:19000:0:99999:7:::\n`), kind: "password hash", reason: /line 1 holds one \(\$6\$\)/ },
    { what: "cryptsetup luksFormat", make: luks, kind: "LUKS header", reason: /magic/ },
  ])("$what is a $kind", async ({ make, kind, reason }) => {
    const path = join(directory, "made");
    rmSync(path, { force: true });
    make(path);
    expect(await audit({ "etc/thing": readFileSync(path) })).toEqual([expect.objectContaining({ path: "etc/thing", kind, reason: expect.stringMatching(reason) })]);
  });

  test("a public key and a certificate are none", async () => {
    const [key, cert, pub] = ["k", "c", "p"].map((name) => join(directory, name)) as [string, string, string];
    execFileSync("openssl", ["req", "-x509", "-newkey", "ed25519", "-nodes", "-subj", "/CN=x", "-keyout", key, "-out", cert], { stdio: "pipe" });
    openssl(pub, "pkey", "-in", key, "-pubout");
    expect(await audit({ "etc/ssl/cert.pem": readFileSync(cert), "etc/ssl/pub.pem": readFileSync(pub) })).toEqual([]);
  });
});

// RFC 7516, A.1; age's README; systemd's, NetworkManager's and WireGuard's manual pages.
test.each([
  { path: "etc/clevis/root.jwe", text: `eyJhbGciOiJSU0EtT0FFUCIsImVuYyI6IkEyNTZHQ00ifQ.OKOawDo13gRp2ojaHV7LFpZcgV7T6DVZKTyKOMTYUmKoTCVJRgckCL9kiMT03JGe.48V1_ALb6US04U3b.5eym8TW_c8SuK0ltJ3rpYIzOeDQz7TALvtu6UG9oMo4vpzs9tX_EFShS8iB7j6ji.XFBoMYUZodetZdvTiFvSkQ`, kind: "sealed secret" },
  { path: "root/id.txt", text: "# public key: age1x\nAGE-SECRET-KEY-1QQPZRY9X8GF2TVDW0S3JN54KHCE6MUA7LQQPZRY9X8GF2TVDW0S3JN54KHCE6\n", kind: "private key" },
  { path: "x.age", text: "age-encryption.org/v1\n-> X25519 abc\n", kind: "sealed secret" },
  { path: "etc/wpa.conf", text: 'network={\n  ssid="home"\n  psk="correct horse"\n}\n', kind: "credentials" },
  { path: "etc/wg/wg0.conf", text: "[Interface]\nPrivateKey = yAnz5TF+lXXJte14tji3zlMNq+hd2rYUIgJBgB3fBmk=\n", kind: "credentials" },
  { path: "etc/app.yaml", text: "url: nbd\napi_key: 5f3a\n", kind: "credentials" },
  { path: "root/.netrc", text: "machine example.org login me password x9\n", kind: "credentials" },
  { path: "etc/fstab.d/x.conf", text: "root=https://me:pw@example.org/root.img\n", kind: "credentials" },
  { path: "etc/boot.json", text: '{ "passwordHash": "$argon2id$v=19$m=64,t=1,p=2$YWJjZGVmZ2g$1O+b90SwLfh5InJYwysEJqyzqGrvLsAV" }', kind: "password hash" },
])("$path is found as $kind", async ({ path, text, kind }) => {
  expect(await audit({ [path]: Buffer.from(text) })).toEqual([expect.objectContaining({ path, kind })]);
});

test.each([
  { path: "etc/login.defs", text: "PASS_MAX_DAYS 99999\nENCRYPT_METHOD SHA512\n" },
  { path: "etc/x.conf", text: "password-file: /etc/pw\npassword =\nsecret: none\ntoken = ${TOKEN}\nuse_password: yes\n" },
  { path: "usr/lib/x.js", text: 'const password = "not in a configuration";\nthrow "-----BEGIN PRIVATE KEY-----";\n' },
  { path: "etc/keys.txt", text: "The quick brown fox jumps over the lazy dog. ".repeat(20) },
  { path: "etc/shadow", text: "root:*:19000:0:99999:7:::\ndaemon:!:19000::::::\n" },
  { path: "etc/crypttab", text: "root UUID=1 none luks\n" },
])("$path holds none", async ({ path, text }) => {
  expect(await audit({ [path]: Buffer.from(text) })).toEqual([]);
});

test("bytes that look random are a key where the name or the mode says so, and nothing elsewhere", async () => {
  const key = randomBytes(64);
  const base64 = Buffer.from(`${randomBytes(32).toString("base64")}\n`);
  expect(await audit({ "etc/root.key": key, "crypto_keyfile.bin": key, "etc/cryptsetup-keys.d/root": base64, "usr/share/data": key })).toMatchObject([
    { path: "crypto_keyfile.bin", kind: "key file" }, { path: "etc/cryptsetup-keys.d/root", kind: "key file" }, { path: "etc/root.key", kind: "key file" },
  ]);
  expect(await audit({ "etc/pass.key": Buffer.from("correct horse battery\n"), "etc/readme.key": Buffer.from("These are\nnot the keys.\n") })).toMatchObject([{ path: "etc/pass.key", reason: "its name is a key's, and it holds one line" }]);
  expect(await audit({ "usr/share/data": key, "etc/script": Buffer.from("only its owner may read this text\n") }, 0o400)).toMatchObject([{ kind: "key file", reason: expect.stringMatching(/only its owner/) }]);
});

test("what crypttab and the default realroot name is a key, whatever it looks like", async () => {
  const zeroes = Buffer.alloc(64);
  expect(await audit({
    "etc/crypttab": Buffer.from("# x UUID=0 /etc/comment\nroot UUID=1 /etc/a luks,keyscript=x\ndata UUID=2 none header=/etc/h,tcrypt-keyfile=/etc/t\nstick UUID=3 /etc/c:LABEL=STICK luks\n"),
    "etc/mkinitrd/boot.json": Buffer.from(JSON.stringify({ realroot: "crypt:none:/dev/sda2:pv0:keyfile=/etc/my%20key,discard lvm:ext4:vg0/root" })),
    ...Object.fromEntries(["a", "c", "h", "t", "my key", "comment", "other"].map((name) => [`etc/${name}`, zeroes])),
  })).toMatchObject([
    { path: "etc/a", kind: "key file", reason: "/etc/crypttab, line 2, names it for root" },
    { path: "etc/h", reason: "/etc/crypttab, line 3, names it for data" },
    { path: "etc/my key", reason: "the default realroot names it" },
    { path: "etc/t", reason: "/etc/crypttab, line 3, names it for data" },
  ]);
});

async function audit(files: Record<string, Buffer>, mode = 0o644): Promise<Secret[]> {
  return findSecrets(Object.entries(files).map(([path, bytes]): AuditedFile => ({ path, mode, sizeBytes: bytes.length, read: async () => bytes })));
}

function rsaDer(to: string): void {
  openssl(`${to}.pem`, "genpkey", "-algorithm", "rsa");
  openssl(to, "rsa", "-in", `${to}.pem`, "-traditional", "-outform", "DER");
}

function pkcs12(to: string): void {
  execFileSync("openssl", ["req", "-x509", "-newkey", "ed25519", "-nodes", "-subj", "/CN=x", "-keyout", `${to}.key`, "-out", `${to}.crt`], { stdio: "pipe" });
  openssl(to, "pkcs12", "-export", "-inkey", `${to}.key`, "-in", `${to}.crt`, "-passout", "pass:x");
}

/** A detached header, with the least work for its key. */
function luks(to: string): void {
  writeFileSync(`${to}.disk`, "");
  truncateSync(`${to}.disk`, 20 << 20);
  execFileSync("cryptsetup", ["luksFormat", "--batch-mode", "--type", "luks1", "--pbkdf-force-iterations", "1000", "--key-file", "-", `${to}.disk`], { input: "x", stdio: ["pipe", "pipe", "pipe"] });
  execFileSync("cryptsetup", ["luksHeaderBackup", `${to}.disk`, "--header-backup-file", to]);
}
