import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { describeVm } from "./boot-helper.ts";
import { type Case, openEach } from "./open-each.ts";
import { veracryptVolume } from "./veracrypt-volume.ts";

/** A spec on the recipe tcplay-kinds, and what it opens or is refused with. */
interface Trial extends Case { found: object | RegExp }

const opens = (label: string) => ({ blkid: expect.stringContaining(`LABEL=${label}\n`) as string });
const cascade = (number: number, label: string, hash: string): Trial =>
  ({ id: label, spec: `tcplay:none:/dev/vda${number}::type=truecrypt,hash=${hash},hidden=no`, typed: ["horse"], found: opens(label) });

/** Disks behind the recipe's own: Camellia, of VeraCrypt's own ciphers the one that Linux has, and a hidden volume. */
const CAMELLIA = veracryptVolume({ cipher: "camellia", passphrase: "horse", pim: 1, sizeBytes: 2 ** 20 });
const HIDDEN = veracryptVolume({ cipher: "aes", passphrase: "horse", pim: 1, sizeBytes: 2 ** 20, hiddenBytes: 2 ** 18 });

const TRIALS: Trial[] = [
  cascade(1, "one", "ripemd160"), cascade(2, "two", "sha512"), cascade(3, "three", "whirlpool"),
  cascade(4, "four", "ripemd160"), cascade(5, "five", "sha512"), cascade(6, "six", "whirlpool"),
  { id: "the outer volume", spec: "tcplay:none:/dev/vda7:outer:type=truecrypt,hash=sha512,hidden=no,keyfile=/etc/keys/first", typed: ["outer horse"], found: opens("OUTER") },
  { id: "hidden=no", spec: "tcplay:none:/dev/vda7:not-hidden:type=truecrypt,hash=sha512,cipher=aes,hidden=no,tries=1,keyfile=/etc/keys/second,keyfile=/etc/keys/third", typed: ["hidden horse"], found: /1 passphrase, none opens one of: TrueCrypt, SHA-512$/m },
  { id: "hidden=yes", spec: "tcplay:none:/dev/vda7:hidden:type=truecrypt,hash=sha512,hidden=yes,keyfile=/etc/keys/second,keyfile=/third.key@LABEL=KEYS", typed: ["hidden horse"], found: opens("inner") },
  { id: "hidden=yes and the outer passphrase", spec: "tcplay:none:/dev/vda7:no-outer:type=truecrypt,hash=sha512,cipher=aes,hidden=yes,tries=1,keyfile=/etc/keys/first", typed: ["outer horse"], found: /none opens one of: TrueCrypt, SHA-512, hidden volume$/m },
  { id: "the program's flags", spec: "tcplay:none:/dev/vda7:flags:-k /etc/keys/first --use-backup", typed: ["outer horse"], found: opens("OUTER") },
  { id: "engine=tcplay", spec: "tcplay:none:/dev/vda7:program:engine=tcplay,keyfile=/etc/keys/second,keyfile=/etc/keys/third", typed: ["hidden horse"], found: opens("inner") },
  { id: "engine=tcplay and a wrong passphrase", spec: "tcplay:none:/dev/vda7:wrong:engine=tcplay,tries=1", typed: ["wrong horse"], found: /1 passphrase, none opens a TrueCrypt header/ },
  {
    id: "protect-hidden", spec: "tcplay:none:/dev/vda7:protected:protect-hidden,keyfile=/etc/keys/first,keyfile-hidden=/etc/keys/second,keyfile-hidden=/third.key@LABEL=KEYS", typed: ["outer horse", "hidden horse"],
    found: { ...opens("OUTER"), sizeBytes: (16 - 6) * 2 ** 20 - 2 ** 18 }, // ends where the hidden one begins
  },
  { id: "protect-hidden and a wrong passphrase of the hidden one", spec: "tcplay:none:/dev/vda7:unprotected:protect-hidden,tries=1,keyfile=/etc/keys/first", typed: ["outer horse", "wrong horse"], found: /none opens a TrueCrypt header/ },
  { id: "no key file", spec: "tcplay:none:/dev/vda7:keyless:type=truecrypt,keyfile=/etc/keys/none", typed: ["outer horse"], found: /\/etc\/keys\/none/ },
  { id: "a destroyed header", spec: "tcplay:none:/dev/vda8:destroyed:type=truecrypt,hash=sha512,cipher=aes,tries=1", typed: ["horse"], found: /opens the copy of the header[^]*put the option backup/ },
  { id: "a header that says more than there is", spec: "tcplay:none:/dev/vda9:claims:hash=sha512,pim=1,hidden=no", typed: ["horse"], found: /larger than the device; the copy of the header at the device's end opens/ },
  { id: "its copy", spec: "tcplay:none:/dev/vda9:copy:hash=sha512,pim=1,hidden=no,backup", typed: ["horse"], found: { sizeBytes: 4 * 2 ** 20 - 2 ** 18 } },
  { id: "hash unknown", spec: "tcplay:none:/dev/vda10:search:type=veracrypt,pim=2", typed: ["horse"], found: opens("verasha") },
  { id: "camellia", spec: "tcplay:none:/dev/vdb:camellia:hash=sha512,pim=1,hidden=no", typed: ["horse"], found: { sha256: CAMELLIA.sha256 } },
  { id: "a hidden volume of VeraCrypt", spec: "tcplay:none:/dev/vdc:vc-hidden:hash=sha512,pim=1", typed: ["horse"], found: { sha256: HIDDEN.sha256 } },
  { id: "another disk", spec: "tcplay:none:/dev/vda10:disk:system=/dev/vda9", found: /no partition of \/dev\/vda9/ },
  { id: "PIM out of range", spec: "tcplay:none:/dev/vda10:range:pim=2147469", found: /option pim[^]*a whole number from 1 to 2147468/ },
  { id: "streebog", spec: "tcplay:none:/dev/vda10:streebog:hash=streebog,pim=1,hidden=no", typed: ["horse"], found: /lacks the hash/ },
  { id: "blake2s", spec: "tcplay:none:/dev/vda10:blake2s:hash=blake2s,pim=1", found: /lacks the hash blake2s: it is 2\.6/ },
  { id: "kuznyechik", spec: "tcplay:none:/dev/vda10:kuznyechik:cipher=kuznyechik-serpent-camellia,hash=sha512,pim=1,hidden=no", found: /lacks the cipher kuznyechik/ },
];

describeVm("TrueCrypt and VeraCrypt volumes of every kind", () => {
  test("each opens as its spec says, or the error says why not", async () => {
    const directory = mkdtempSync(join(tmpdir(), "mkinitrd-keys-"));
    onTestFinished(() => rmSync(directory, { recursive: true }));
    const files = ["first", "second", "third"].map((name) => {
      writeFileSync(join(directory, name), `${name} key file`);
      return { from: join(directory, name), to: `/etc/keys/${name}`, mode: 0o400 };
    });
    const volumes = [CAMELLIA, HIDDEN].map(({ image }, i) => {
      const file = join(directory, `volume-${i}.img`);
      writeFileSync(file, image);
      return file;
    });
    const { outcomes, log } = await openEach("tcplay-kinds", TRIALS, { realroots: ["local", "lvm", "tcplay"], files }, { disks: (made) => [...made, ...volumes] });
    for (const { id, found } of TRIALS) {
      const outcome = outcomes.get(id) ?? {};
      if (found instanceof RegExp) expect.soft("refused" in outcome ? outcome.refused : outcome, id).toMatch(found);
      else expect.soft(outcome, id).toMatchObject(found);
    }
    expect(log).toContain("3 of 10 that it may be");
    expect(log).not.toMatch(/horse/);
  }, 400_000);
}, ["tcplay"]);
