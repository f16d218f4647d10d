import { execFileSync, spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { auditImage } from "../../../src/host/audit/image.ts";
import { run } from "../../../src/host/cli/program.ts";
import { packageRoot } from "../../../src/host/package-root.ts";

const VFAT = 0x4d44; // linux/magic.h
const KEY = `${"A".repeat(20)}0123456789/+abcdefgh\n`;
const missing = ["cpio", "zstd"].filter((tool) => spawnSync("sh", ["-c", `command -v ${tool}`]).status !== 0);

describe.skipIf(missing.length > 0)(`images that cpio and zstd made (skipped, not on this machine: ${missing.join(", ")})`, () => {
  let directory: string;
  let image: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "audit-image-"));
    image = join(directory, "initrd.img");
    return () => rmSync(directory, { recursive: true });
  });
  afterEach(() => {
    vi.restoreAllMocks();
    process.exitCode = undefined;
  });

  test("each archive is read, in zstd, gzip or neither, and a later file of one path counts", async () => {
    const names = { "etc/crypttab": "a UUID=1 /k1\nb UUID=2 /k2\nc UUID=3 /k3\n" };
    writeImage(0o600, [archive({ ...names, k1: [KEY, 0o400] }), gzipSync(archive({ k2: [KEY, 0o644] })), Buffer.alloc(12), frame({ k3: [KEY, 0o604] }), frame({ "./k3": [KEY, 0o440] })]);
    expect(await auditImage(image)).toEqual({
      image, mode: 0o600,
      secrets: [
        { path: "k1", mode: 0o400, kind: "key file", reason: "/etc/crypttab, line 1, names it for a" },
        { path: "k2", mode: 0o644, kind: "key file", reason: "/etc/crypttab, line 2, names it for b", exposed: "everybody may read it" },
        { path: "k3", mode: 0o440, kind: "key file", reason: "/etc/crypttab, line 3, names it for c", exposed: "its group may read it" },
      ],
    });
  });

  test("an image with secrets is exposed by its own mode, and by a filesystem without modes", async () => {
    writeImage(0o640, [frame({ "root.key": [KEY, 0o400] })]);
    await expect(auditImage(image)).resolves.toMatchObject({ exposed: "its group may read it" });
    chmodSync(image, 0o600);
    expect(await auditImage(image)).not.toHaveProperty("exposed");
    await expect(auditImage(image, () => VFAT)).resolves.toMatchObject({ exposed: "it lies on vfat, whose files have no modes" });
    writeImage(0o644, [frame({ "etc/motd": ["hello", 0o644] })]);
    expect(await auditImage(image, () => VFAT)).toEqual({ image, mode: 0o644, secrets: [] });
  });

  test("the command prints a table, marks what others may read, and ends with 3 then", async () => {
    writeImage(0o644, [frame({ "etc/root.key": [KEY, 0o644], "etc/own.key": [KEY, 0o400] })]);
    expect(await printed(image)).toBe([
      "   0400  key file  /etc/own.key   its name is a key's, and its bytes look random",
      "!  0644  key file  /etc/root.key  its name is a key's, and its bytes look random; everybody may read it",
      `!  0644  ${image}: 2 secrets; everybody may read it`,
    ].join("\n"));
    expect(process.exitCode).toBe(3);
    writeImage(0o600, [frame({ "etc/own.key": [KEY, 0o400] })]);
    process.exitCode = undefined;
    expect(JSON.parse(await printed("--json", image))).toEqual({
      image, mode: "0600", secrets: [{ path: "/etc/own.key", mode: "0400", kind: "key file", reason: "its name is a key's, and its bytes look random" }],
    });
    expect(process.exitCode ?? 0).toBe(0);
  });

  test("the example of docs/secrets.md is what is printed", async () => {
    const [, example] = /```\n\$ mkinitrd audit initrd\.img\n([^]*?)\n```/.exec(readFileSync(join(packageRoot(), "docs/secrets.md"), "utf8")) ?? [];
    writeImage(0o600, [frame({
      "etc/crypttab": "cryptroot UUID=1 /etc/keys/root.key luks\n",
      "etc/keys/root.key": [KEY, 0o400],
      "etc/mkinitrd/boot.json": '{"rescue":{"passwordHash":"$argon2id$v=19$m=64,t=1,p=2$YWJjZGVmZ2g$1O+b90SwLfh5InJYwysEJqyzqGrvLsAV"}}',
      "etc/ssh/ssh_host_ed25519_key": ["-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAABG5vbmU\n-----END OPENSSH PRIVATE KEY-----\n", 0o644],
    })]);
    expect((await printed(image)).replace(`${directory}/`, "")).toBe(example);
  });

  test("no secret itself is printed", async () => {
    writeImage(0o600, [frame({ "etc/app.conf": ["password = hunter2\n", 0o600], "etc/own.key": [KEY, 0o400] })]);
    for (const words of [[image], ["--json", image]]) expect(await printed(...words)).not.toMatch(/hunter2|0123456789/);
  });

  test.each([
    { what: "an archive cut off", bytes: () => Buffer.concat([archive({}), Buffer.from("1f8b0800", "hex")]), found: /gzip member on .* at byte \d+: it is cut off/ },
    { what: "a frame cut off", bytes: () => frame({ k: ["x", 0o600] }).subarray(0, 60), found: /Zstandard frame on .* at byte 0: it is cut off/ },
    { what: "a damaged frame", bytes: () => damaged(frame({ k: [KEY.repeat(9), 0o600] })), found: /at byte 0: / },
    { what: "no image", bytes: () => Buffer.from("hello"), found: /at byte 0: 0x68656c6c6f, which begins no archive/ },
  ])("$what is a clear error", async ({ bytes, found }) => {
    writeImage(0o600, [bytes()]);
    await expect(auditImage(image)).rejects.toThrow(found);
  });

  type Files = Record<string, string | [content: string, mode: number]>;

  function archive(files: Files): Buffer {
    const root = mkdtempSync(join(directory, "root-"));
    for (const [path, value] of Object.entries(files)) {
      const [content, mode] = typeof value === "string" ? [value, 0o600] : value;
      mkdirSync(dirname(join(root, path)), { recursive: true });
      writeFileSync(join(root, path), content);
      chmodSync(join(root, path), mode);
    }
    return execFileSync("cpio", ["-o", "-H", "newc", "--quiet"], { cwd: root, input: Object.keys(files).join("\n") });
  }

  function frame(files: Files): Buffer {
    return execFileSync("zstd", ["-q", "-c"], { input: archive(files) });
  }

  function damaged(bytes: Buffer): Buffer {
    const copy = Buffer.from(bytes);
    copy.fill(0xff, 20, 40);
    return copy;
  }

  function writeImage(mode: number, pieces: Buffer[]): void {
    writeFileSync(image, Buffer.concat(pieces));
    chmodSync(image, mode);
  }
});

async function printed(...words: string[]): Promise<string> {
  const log = vi.spyOn(console, "log").mockImplementation(() => {});
  try {
    await run(["audit", ...words]);
    return log.mock.calls.flat().join("\n");
  } finally {
    log.mockRestore();
  }
}

test.each([["/none/initrd.img", "/none/initrd.img"], ["", '""']])("an image that is not there is told of by name: %j", async (name, shown) => {
  await expect(auditImage(name)).rejects.toThrow(`looking for secrets in an image on ${shown}: no such file`);
});
