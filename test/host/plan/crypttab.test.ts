import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { planCrypttab } from "../../../src/host/plan/crypttab.ts";

const kinds = { crypt: { script: "rc.d/crypt.js", fields: ["device", "name", "options"], options: ["keyfile", "discard"], encrypted: true } };
let folder: string;
let file: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "mkinitrd-crypttab-"));
  file = join(folder, "crypttab");
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test("without one there is nothing to pack", () => {
  expect(planCrypttab({ files: [] }, { kinds })).toEqual({ entries: [], notes: [] });
});

test("it is packed for root alone, and what the boot can't do with it is noted with its line", () => {
  writeFileSync(file, "root UUID=1 none luks,discard\nwin /dev/sdb1 none bitlk\n");
  const { entries, notes } = planCrypttab({ crypttab: file, files: [] }, { kinds });
  expect(entries).toMatchObject([{ path: "etc/crypttab", mode: 0o600, type: "file" }]);
  expect(notes).toEqual([expect.stringMatching(/crypttab, line 2: "win" can't be opened here: bitlk/)]);
});

test("a key file that is not packed is noted, one that is packed is not", () => {
  writeFileSync(file, "root UUID=1 /etc/keys/root.key luks\nhome UUID=2 /etc/other.key luks\nusb UUID=3 /k:LABEL=KEYS luks\n");
  const { notes } = planCrypttab({ crypttab: file, files: [{ from: "/keys", to: "/etc/keys" }] }, { kinds });
  expect(notes).toEqual([expect.stringMatching(/the key file \/etc\/other\.key of "home" is not packed/)]);
});

test("one that files: brings in is checked as well", () => {
  writeFileSync(file, "root\n");
  expect(planCrypttab({ files: [{ from: file, to: "/etc/crypttab" }] }, { kinds })).toMatchObject({ entries: [], notes: [expect.stringMatching(/line 1: "root" alone/)] });
});

test("one that is not there is an error with what to do", () => {
  expect(() => planCrypttab({ crypttab: join(folder, "none"), files: [] }, { kinds })).toThrow(/reading the crypttab on .*next: correct crypttab:/s);
});
