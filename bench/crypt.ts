import { execFileSync } from "node:child_process";
import { createDecipheriv, randomBytes } from "node:crypto";
import { memorySource, SECTOR_BYTES } from "../src/core/binary/source.ts";
import { openCrypt } from "../src/core/dm/crypt.ts";
import type { Say } from "./builds.ts";

/** Decrypting AES-256-XTS with one size of sectors, in MB (10^6) a second: of each round the best of some passes. */
export interface CryptFigures {
  sectorBytes: number;
  /** The target of src/core/dm, in reads of 1 MiB from memory. */
  target: number[];
  /** createDecipheriv, update: once for each sector, with nothing around it. */
  bareLoop: number[];
  /** `openssl speed` on buffers of that size: one key and IV for all; absent where there is no openssl. */
  openssl?: number;
}

const TOTAL_BYTES = 4 * 1024 * 1024;
/** Short ones, in turn: what else the machine does only slows some of them. */
const PASSES = 30;
const READ_BYTES = 1024 * 1024;
const CIPHER = "aes-256-xts";

/** Both sizes that volumes have; on one thread, all of them. */
export async function measureCrypt(rounds: number, say: Say): Promise<CryptFigures[]> {
  const bytes = randomBytes(TOTAL_BYTES);
  const key = randomBytes(64);
  const figures: CryptFigures[] = [];
  for (const sectorBytes of [512, 4096]) {
    say(`crypt targets with sectors of ${sectorBytes} bytes`);
    const openssl = opensslSpeed(sectorBytes);
    const figure: CryptFigures = { sectorBytes, target: [], bareLoop: [], ...(openssl === undefined ? {} : { openssl }) };
    for (let round = 0; round < rounds; round++) {
      let [target, bare] = [0, 0];
      for (let pass = 0; pass < PASSES; pass++) {
        target = Math.max(target, await rate(() => readTarget(bytes, key, sectorBytes)));
        bare = Math.max(bare, await rate(async () => bareLoop(bytes, key, sectorBytes)));
      }
      figure.target.push(target);
      figure.bareLoop.push(bare);
    }
    figures.push(figure);
  }
  return figures;
}

async function readTarget(bytes: Buffer, key: Buffer, sectorBytes: number): Promise<void> {
  const source = openCrypt({
    startSector: 0, lengthSectors: bytes.length / SECTOR_BYTES, cipher: "aes-xts-plain64", key, ivOffsetSectors: 0,
    device: { path: "memory", source: memorySource(bytes) }, deviceSector: 0, options: [`sector_size:${sectorBytes}`],
  });
  for (let at = 0; at < bytes.length; at += READ_BYTES) await source.read(at, READ_BYTES);
  await source.close?.();
}

function bareLoop(bytes: Buffer, key: Buffer, sectorBytes: number): void {
  const iv = Buffer.alloc(16);
  for (let at = 0; at < bytes.length; at += sectorBytes) {
    iv.writeUInt32LE(at / SECTOR_BYTES);
    createDecipheriv(CIPHER, key, iv).update(bytes.subarray(at, at + sectorBytes));
  }
}

/** MB a second. */
async function rate(work: () => Promise<void>): Promise<number> {
  const start = process.hrtime.bigint();
  await work();
  return TOTAL_BYTES / 1e6 / (Number(process.hrtime.bigint() - start) / 1e9);
}

/** openssl-speed(1): `-mr` prints `+F:NUMBER:NAME:BYTES PER SECOND`. */
function opensslSpeed(sectorBytes: number): number | undefined {
  try {
    const output = execFileSync("openssl", ["speed", "-mr", "-elapsed", "-seconds", "1", "-bytes", String(sectorBytes), "-decrypt", "-evp", CIPHER], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
    const [, perSecond] = /^\+F:\d+:[^:]+:([\d.]+)/m.exec(output) ?? [];
    return perSecond === undefined ? undefined : Number(perSecond) / 1e6;
  } catch {
    return undefined;
  }
}
