import { createDecipheriv, pbkdf2Sync } from "node:crypto";
import { existsSync } from "node:fs";
import { gzipSync, zstdCompressSync } from "node:zlib";
import type { Source } from "../../src/core/binary/source.ts";
import { decodeBkeymap, isBkeymap } from "../../src/core/formats/bkeymap.ts";
import { readDlopenNotes } from "../../src/core/formats/dlopen-notes.ts";
import { probeElf } from "../../src/core/formats/elf.ts";
import { readModinfo } from "../../src/core/formats/modinfo.ts";
import { encodeNewcHead, encodeNewcTrailer, newcPadding } from "../../src/core/formats/newc.ts";
import { isPe, peSection } from "../../src/core/formats/pe.ts";
import { decodeTruecryptHeader, encodeTruecryptHeader } from "../../src/core/formats/truecrypt.ts";
import { ARCHIVE_ENDS } from "../../src/host/image/archive-format.ts";
import { readArchives } from "../../src/host/image/read.ts";
import { pe } from "../host/image/pe.ts";
import type { DiskReader } from "./disk-readers.ts";
import type { Limits } from "./disk.ts";
import { saying } from "./reading.ts";
import { fileBase, fixtureSeeds, memoryBase, type Seed } from "./seeds.ts";

const MIB = 1024 * 1024;
/** A file is read whole, and once for each reader. */
const WHOLE_FILE: Limits = { reads: 20_000, readBytes: 256 * MIB, heldBytes: 64 * MIB };
/** What the unpacked archives of one image may take here. */
const UNPACKED: Parameters<typeof readArchives>[2] = { packedBytes: 16 * MIB, unpackedBytes: 16 * MIB, members: 10_000, ratio: 100 };

/** Readers of files, by the name that `--only` takes. */
export const FILE_READERS: Record<string, DiskReader> = {
  image: {
    seeds: () => [seed("plain", archive()), seed("gzip", gzipSync(archive())), seed("zstd", zstdCompressSync(archive())), seed("both", Buffer.concat([archive(), Buffer.alloc(512), gzipSync(archive())]))],
    limits: WHOLE_FILE,
    run: wholeFile(async (bytes) => {
      for (const { parts } of await readArchives(bytes, "image", UNPACKED)) {
        for (const member of parts.flat()) await saying(async () => String((await member.read()).length));
      }
    }),
  },
  "archive-ends": {
    seeds: () => [seed("zstd", zstdCompressSync(archive())), seed("xz", XZ), seed("bzip2", BZIP2), seed("lz4", LZ4), seed("lzop", LZOP)],
    limits: WHOLE_FILE,
    run: wholeFile(async (bytes) => {
      for (const [name, end] of Object.entries(ARCHIVE_ENDS)) await saying(async () => String(end(bytes, 0, name)));
    }),
  },
  elf: {
    seeds: () => ["/bin/true", "/bin/busybox", "/usr/lib/x86_64-linux-gnu/libsystemd.so.0"].filter((path) => existsSync(path)).map((path) => ({ name: path, disks: [fileBase(path)] })),
    limits: WHOLE_FILE,
    run: async ([source]) => {
      await saying(async () => { const elf = await probeElf(source!); return elf === undefined ? "" : JSON.stringify(await readDlopenNotes(source!, elf)); });
      return saying(async () => JSON.stringify(await readModinfo(source!)));
    },
  },
  pe: {
    seeds: () => [seed("uki", pe({ ".text": Buffer.from("code"), ".initrd": archive(), ".ucode": Buffer.from("070701") }))],
    limits: WHOLE_FILE,
    run: wholeFile(async (bytes) => {
      if (isPe(bytes)) for (const section of [".initrd", ".ucode", ".none"]) await saying(async () => String(peSection(bytes, section, "f")?.length));
    }),
  },
  keymap: {
    seeds: () => fixtureSeeds(["keymaps"], /bmap\.gz$/),
    limits: WHOLE_FILE,
    run: wholeFile(async (bytes) => { if (isBkeymap(bytes)) decodeBkeymap(bytes, "keymap"); }),
  },
  "truecrypt-header": {
    seeds: () => [seed("header", truecryptPlain())],
    limits: WHOLE_FILE,
    run: wholeFile(async (bytes) => { if (bytes.length >= 512) decodeTruecryptHeader(bytes.subarray(0, 512), { name: "header", sizeBytes: 4 * MIB }); }),
  },
};

function wholeFile(read: (bytes: Buffer) => Promise<void>): DiskReader["run"] {
  return async ([source]: Source[]) => saying(async () => { await read(await source!.read(0, source!.sizeBytes)); return ""; });
}

function seed(name: string, bytes: Buffer): Seed {
  return { name, disks: [memoryBase(name, bytes)] };
}

function archive(): Buffer {
  const content = Buffer.from("#!/bin/sh\nexec /init\n".repeat(40));
  const file = { path: "init", type: "file", mode: 0o755, sizeBytes: content.length } as const;
  return Buffer.concat([
    encodeNewcHead({ path: "dev", type: "directory", mode: 0o755, sizeBytes: 0 }, 1, 0), encodeNewcHead({ path: "dev/console", type: "node", mode: 0o600, sizeBytes: 0, major: 5, minor: 1 }, 2, 0),
    encodeNewcHead(file, 3, 0), content, newcPadding(content.length), encodeNewcTrailer(),
  ]);
}

/** The bytes of a header as they are when they have been decrypted. */
function truecryptPlain(): Buffer {
  const salt = Buffer.alloc(64, 5);
  const raw = encodeTruecryptHeader({
    type: "truecrypt", version: 5, programVersion: 0x071a, hiddenVolumeBytes: undefined, volumeBytes: 2 * MIB, payloadOffsetBytes: 131072, payloadBytes: 2 * MIB,
    sectorBytes: 512, system: false, inPlace: false, keys: Buffer.alloc(256, 9),
  }, salt, { passphrase: Buffer.from("x"), hash: "sha512", iterations: 1 });
  const decipher = createDecipheriv("aes-256-xts", pbkdf2Sync("x", salt, 1, 64, "sha512"), Buffer.alloc(16));
  return Buffer.concat([salt, decipher.update(raw.subarray(64))]);
}

/** `seq 1 60 | xz`, and so on: their programs need not be here. */
const XZ = Buffer.from("/Td6WFoAAATm1rRGAgAhARYAAAB0L+Wj4ACqAGhdABiCgo8iTvimVffwmaUlDZBFkVpRtJvKrNwFMuyFUp+xSG3v3OhLuWG64JxTf5jIqVQO/D0q0wbXZkQ9VmSmzT3Xxx9E9BjfAgs/4sbGe+Hnf3lEHHm3Qq5luBu1DoThmoIW3YlzxPrgAP2Og9HpkMQ5AAGEAasBAACQX7zgscRn+wIAAAAABFla", "base64");
const BZIP2 = Buffer.from("QlpoOTFBWSZTWdTm+YsAACHIAAAQf+AgAGhQZNP9Ug0pm/VUn5U2r1yJ7Xl0bAdHAJCAQBu7vdu75mZmX/C5UODsqDpyVAt5KgFVAIABAfC7kinChIanN8xY", "base64");
const LZ4 = Buffer.from("AiFMGK0AAADwnDEKMgozCjQKNQo2CjcKOAo5CjEwCjExCjEyCjEzCjE0CjE1CjE2CjE3CjE4CjE5CjIwCjIxCjIyCjIzCjI0CjI1CjI2CjI3CjI4CjI5CjMwCjMxCjMyCjMzCjM0CjM1CjM2CjM3CjM4CjM5CjQwCjQxCjQyCjQzCjQ0CjQ1CjQ2CjQ3CjQ4CjQ5CjUwCjUxCjUyCjUzCjU0CjU1CjU2CjU3CjU4CjU5CjYwCg==", "base64");
const LZOP = Buffer.from("iUxaTwANChoKEEAgoAlAAQUDAAANAAAAAGsCJYoAAAAAACduAowAAACrAAAAqy4GGNMxCjIKMwo0CjUKNgo3CjgKOQoxMAoxMQoxMgoxMwoxNAoxNQoxNgoxNwoxOAoxOQoyMAoyMQoyMgoyMwoyNAoyNQoyNgoyNwoyOAoyOQozMAozMQozMgozMwozNAozNQozNgozNwozOAozOQo0MAo0MQo0Mgo0Mwo0NAo0NQo0Ngo0Nwo0OAo0OQo1MAo1MQo1Mgo1Mwo1NAo1NQo1Ngo1Nwo1OAo1OQo2MAoAAAAA", "base64");
