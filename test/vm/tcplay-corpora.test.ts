import { execFileSync } from "node:child_process";
import { closeSync, existsSync, ftruncateSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import type { Entry } from "../corpora/corpus.ts";
import { describeVm } from "./boot-helper.ts";
import { type Case, openEach } from "./open-each.ts";

interface Opened { passphrase: string; rc: number; size?: number; sha256?: string; message?: string; command: string }
interface Tcrypt { type: "TrueCrypt" | "VeraCrypt"; hash: string; mode: string; cipher_chain_named: string[]; encrypted_partition?: number; opened: Opened | Opened[] }
type Image = Entry<Tcrypt> & { secret: { passphrase: string; keyfiles?: string[]; system?: boolean; veracrypt_pim?: number } };
/** A spec on an image, and what the corpus says of it. */
interface Trial extends Case { opened: Opened }

const CORPUS = new URL("../../../shared/corpora/tcrypt/", import.meta.url);
const describeHere = existsSync(CORPUS) ? describeVm : (name: string) => test.skip(`${name} (there is no ../shared/corpora/tcrypt)`, () => {});
const SECTOR_BYTES = 512;
/** Options name the hash as VeraCrypt does. */
const HASHES: Record<string, string> = { stribog512: "streebog" };
/** Of each kind one. Beside them `npm run test:all` opens the rest: VeraCrypt's key derivations take a minute each without KVM. */
const USUAL = [
  "tc_1-ripemd160-cbc-aes", "tc_1-sha1-cbc-cast5", "tc_2-ripemd160-lrw-aes-hidden", "tc_3-ripemd160-xts-twofish", "tc_5-sha512-xts-serpent-twofish-aes-hidden", "tck_5-sha512-xts-aes",
  "tc_2-ripemd160-cbc-aes-twofish",
];

describeHere("volumes that TrueCrypt and VeraCrypt have made", () => {
  const images = existsSync(CORPUS) ? [...readManifest("."), ...readManifest("../tcplay").map(asVeracrypt)] : [];
  const chosen = process.env["MKINITRD_TEST_ALL"] ? images.filter(({ expect: { hash } }) => hash !== "argon2id") : images.filter(({ id }) => USUAL.includes(id));

  test("each opens with what cryptsetup found in it", async () => {
    const directory = mkdtempSync(join(tmpdir(), "mkinitrd-tcrypt-"));
    onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
    const volumes = chosen.filter(({ secret }) => !secret.system);
    const systems = chosen.filter(({ secret }) => secret.system);
    const disks = [partition(volumes.map(unpack), join(directory, "volumes.img")), ...systems.map((image, i) => { writeFileSync(join(directory, `system-${i}.img`), unpack(image)); return join(directory, `system-${i}.img`); })];
    const trials = [
      ...volumes.flatMap((image, i) => trialsOf(image, `/dev/vdb${i + 1}`)),
      ...systems.flatMap((image, i) => { const disk = `/dev/vd${"cdef"[i]}`; return trialsOf(image, `${disk}${image.expect.encrypted_partition}`, `,system=${disk}`); }),
    ];
    const keys = ["keyfile1", "keyfile2"].map((name) => ({ from: new URL(name, CORPUS).pathname, to: `/etc/keys/${name}`, mode: 0o400 }));
    const { outcomes } = await openEach("local-ext4", trials, { realroots: ["local", "lvm", "tcplay"], files: keys }, { disks: (files) => [...files, ...disks], timeoutMs: 300_000 });
    for (const { id, opened } of trials) {
      const outcome = outcomes.get(id);
      if (opened.rc === 0) expect.soft(outcome, id).toMatchObject({ sizeBytes: opened.size, sha256: opened.sha256 });
      else expect.soft(outcome, id).toMatchObject({ refused: expect.stringMatching(/lacks the hash|a cipher mode of old TrueCrypt versions|lacks the cipher/) as string });
    }
  }, 3_600_000);
}, ["sfdisk", "xz"]);

/** One case for each volume of an image: the outer one, and the hidden one. */
function trialsOf({ id, secret: { keyfiles = [], veracrypt_pim: pim }, expect: { type, hash, cipher_chain_named: chain, opened } }: Image, device: string, more = ""): Trial[] {
  return [opened].flat().map((each, i): Trial => {
    const asksNothing = each.passphrase === "" || hash === "blake2s" || chain.includes("kuznyechik"); // what cryptsetup or the kernel lacks is known before
    const options = [
      `type=${type.toLowerCase()}`, `hash=${HASHES[hash] ?? hash}`, "tries=1", ...(more === "" ? [`hidden=${/--tcrypt-hidden/.test(each.command) ? "yes" : "no"}`] : []),
      ...(chain.includes("kuznyechik") ? [`cipher=${[...chain].reverse().join("-")}`] : []), ...keyfiles.map((file) => `keyfile=/etc/keys/${file}`), ...(pim === undefined ? [] : [`pim=${pim}`]), ...(each.passphrase === "" ? ["no-passphrase"] : []),
    ];
    return { id: `${id}${i === 0 ? "" : "-inner"}`, spec: `tcplay:none:${device}:t${device.replaceAll("/", "-")}-${i}:${options.join(",")}${more}`, typed: asksNothing ? [] : [each.passphrase], opened: each };
  });
}

/** The images of a folder, with files as seen from the corpus tcrypt. */
function readManifest(folder: string): Image[] {
  const images = JSON.parse(readFileSync(new URL(`${folder}/manifest.json`, CORPUS), "utf8")) as Image[];
  return images.map((image) => ({ ...image, files: image.files.map((file) => ({ ...file, file: `${folder}/${file.file}` })) }));
}

/** The tcplay project's own image, which its manifest describes in that program's words: PRF SHA512-VC, AES-256-XTS. */
const asVeracrypt = (image: Image): Image => ({ ...image, expect: { ...image.expect, type: "VeraCrypt", hash: "sha512", mode: "xts", cipher_chain_named: ["aes"] } });

function unpack({ files: [file] }: Image): Buffer {
  return execFileSync("xz", ["-dc", new URL(file?.file ?? "", CORPUS).pathname], { maxBuffer: 2 ** 28 });
}

/** A disk with a partition for each content, of exactly its size: old containers have a header that is counted from the end. */
function partition(contents: Buffer[], file: string): string {
  const [first, align] = [2048, 2048];
  let next = first;
  const starts = contents.map(({ length }) => { const start = next; next += Math.ceil(length / SECTOR_BYTES / align) * align; return start; });
  const descriptor = openSync(file, "w");
  ftruncateSync(descriptor, (next + 2048) * SECTOR_BYTES);
  contents.forEach((content, i) => writeSync(descriptor, content, 0, content.length, starts[i]! * SECTOR_BYTES));
  closeSync(descriptor);
  const script = contents.map(({ length }, i) => `start=${starts[i]}, size=${length / SECTOR_BYTES}`).join("\n");
  execFileSync("sfdisk", ["--quiet", file], { input: `label: gpt\n\n${script}\n` });
  return file;
}
