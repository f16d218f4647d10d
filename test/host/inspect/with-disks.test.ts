import { execFileSync, spawnSync } from "node:child_process";
import { copyFileSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import type { Target } from "../../../src/core/dm/table.ts";
import { parseTcryptWish } from "../../../src/host/inspect/wishes.ts";
import { withDisks } from "../../../src/host/inspect/with-disks.ts";
import { tcryptVolume } from "../../fixtures/truecrypt/volume.ts";

const folder = mkdtempSync(join(tmpdir(), "with-disks-"));
afterAll(() => rmSync(folder, { recursive: true }));
const missing = spawnSync("cryptsetup", ["--version"]).error !== undefined;

const crypt = ([target]: Target[]) => (target?.type === "crypt" ? target.key : Buffer.alloc(0));

test.skipIf(missing).each(["used", "failed"])("the volume key is wiped and the disk closed when it was %s (skipped where cryptsetup is missing)", async (outcome) => {
  const [disk, keyFile] = [join(folder, `${outcome}.img`), join(folder, "key")];
  writeFileSync(disk, "");
  truncateSync(disk, 20 * 1024 * 1024);
  writeFileSync(keyFile, "correct horse");
  execFileSync("cryptsetup", ["luksFormat", "-q", "--pbkdf", "pbkdf2", "--pbkdf-force-iterations", "1000", disk, keyFile]);
  let key: Buffer = Buffer.alloc(0);
  let reading = async (): Promise<unknown> => undefined;
  const using = withDisks([disk], { keyFile: [keyFile] }, async ({ devices, tables }) => {
    key = crypt(tables[0]!.targets);
    reading = () => devices[0]!.source.read(0, 512);
    expect(key.some((byte) => byte !== 0)).toBe(true);
    if (outcome === "failed") throw new Error("on the way");
  });
  await (outcome === "failed" ? expect(using).rejects.toThrow("on the way") : using);
  expect(key).toEqual(Buffer.alloc(64));
  await expect(reading()).rejects.toThrow();
});

test.skipIf(missing)("a copy of a volume that is open is not opened beside it, and that is said (skipped where cryptsetup is missing)", async () => {
  const [disk, copy, keyFile] = [join(folder, "one.img"), join(folder, "copy.img"), join(folder, "key")];
  writeFileSync(disk, "");
  truncateSync(disk, 20 * 1024 * 1024);
  writeFileSync(keyFile, "correct horse");
  execFileSync("cryptsetup", ["luksFormat", "-q", "--pbkdf", "pbkdf2", "--pbkdf-force-iterations", "1000", disk, keyFile]);
  copyFileSync(disk, copy);
  await withDisks([disk, copy], { keyFile: [keyFile] }, async ({ problems, volumes }) => {
    expect(volumes.filter(({ layer }) => layer === "mapping")).toHaveLength(1);
    expect(problems).toEqual([expect.stringMatching(/^opening on copy\.img: it has the UUID of one\.img, which is open: one is a copy of the other\n {2}next: name the disk/)]);
  });
});

test("the keys of a TrueCrypt volume are wiped, and what it gave can't be read any more", async () => {
  const [disk, keyFile] = [join(folder, "tcrypt.img"), join(folder, "tcrypt-key")];
  writeFileSync(disk, tcryptVolume({ type: "truecrypt", hash: "sha512", iterations: 1000, passphrase: Buffer.from("correct horse"), payload: Buffer.alloc(4096), places: ["primary"] }));
  writeFileSync(keyFile, "correct horse");
  let key: Buffer = Buffer.alloc(0);
  let reading = async (): Promise<unknown> => undefined;
  await withDisks([disk], { keyFile: [keyFile], tcrypt: [parseTcryptWish("tcrypt.img,type=truecrypt")] }, async ({ tables, volumes }) => {
    key = crypt(tables[0]!.targets);
    const opened = volumes.find(({ layer }) => layer === "mapping")!.source!;
    reading = () => opened.read(0, 512);
    expect((await opened.read(0, 512)).equals(Buffer.alloc(512))).toBe(true);
    expect(key.some((byte) => byte !== 0)).toBe(true);
  });
  expect(key).toEqual(Buffer.alloc(64));
  await expect(reading()).rejects.toThrow();
});
