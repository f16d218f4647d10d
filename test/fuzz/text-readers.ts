import fc from "fast-check";
import { memorySource } from "../../src/core/binary/source.ts";
import { parseCipher } from "../../src/core/dm/crypt-cipher.ts";
import { openTarget } from "../../src/core/dm/open-target.ts";
import { parseTable, tableLines } from "../../src/core/dm/table-text.ts";
import { parseFstab } from "../../src/core/formats/fstab.ts";
import { parseLuks2Metadata } from "../../src/core/formats/luks2-metadata.ts";
import { probeLuks2 } from "../../src/core/formats/luks2.ts";
import { parseVolumeGroup } from "../../src/core/formats/lvm2-metadata.ts";
import { decodeModinfo } from "../../src/core/formats/modinfo.ts";
import { chooseFstabMounts } from "../../src/core/fstab-mounts.ts";
import { parseHeader } from "../../src/core/rc/header.ts";
import { parseCommandLine } from "../../src/core/realroot/command-line.ts";
import { parseCrypttab } from "../../src/core/realroot/crypttab.ts";
import { explainRealroot } from "../../src/core/realroot/explain.ts";
import { parseKeyFile } from "../../src/core/realroot/key-file.ts";
import { formatRealroot, parseRealroot } from "../../src/core/realroot/stage.ts";
import { parseHash } from "../../src/core/rescue/password.ts";
import { stackPlanner } from "../../src/core/volumes/lvm-stack.ts";
import { assembleVolumeGroups } from "../../src/core/volumes/lvm.ts";
import { parseDevice } from "../../src/core/volumes/match.ts";
import { kinds } from "../core/realroot/kinds.ts";
import { fixtureBytes } from "../fixtures/fixture.ts";
import { tryPassphrase } from "./luks-unlock.ts";
import { readEdges, saying } from "./reading.ts";
import { SAMPLES } from "./samples.ts";

/** What reads a text, and may throw MkinitrdError and nothing else. */
export interface TextReader {
  samples: readonly string[];
  run(text: string): Promise<void> | void;
}

const LUKS2 = (await probeLuks2(memorySource(fixtureBytes("luks2/argon2.img.gz"))))!;
const PV = memorySource(Buffer.alloc(1024 * 1024, 3), "pv");

/** By the name that `--only` takes. */
export const TEXT_READERS: Record<string, TextReader> = {
  "command-line": {
    samples: SAMPLES.commandLine,
    run(text) {
      for (const sealed of [false, true]) explainRealroot(parseCommandLine(text, { kinds, defaultRealroot: "local:ext4:UUID=1", sealed }));
    },
  },
  realroot: {
    samples: SAMPLES.realroot,
    run(text) {
      const stages = parseRealroot(text, kinds);
      const again = formatRealroot(stages, kinds);
      if (formatRealroot(parseRealroot(again, kinds), kinds) !== again) throw new Error(`${again} does not come back`);
      for (const { device } of stages) parseDevice(device);
    },
  },
  fstab: { samples: SAMPLES.fstab, run: (text) => void chooseFstabMounts(parseFstab(text).entries) },
  crypttab: { samples: SAMPLES.crypttab, run: (text) => void parseCrypttab(text, kinds) },
  "key-file": { samples: SAMPLES.keyFile, run: (text) => void parseKeyFile(text) },
  "password-hash": { samples: SAMPLES.passwordHash, run: (text) => void parseHash(text) },
  "rc-header": { samples: SAMPLES.rcHeader, run: (text) => void parseHeader(text, "rc.d/x.ts") },
  modinfo: { samples: ["license=GPL\0depends=a,b\0firmware=x.bin\0"], run: (text) => void decodeModinfo(Buffer.from(text)) },
  cipher: { samples: ["aes-xts-plain64", "aes-cbc-essiv:sha256", "capi:xts(aes)-plain64", "aes:64-cbc-lmk"], run: (text) => void parseCipher(text) },
  "dm-table": {
    samples: SAMPLES.dmTable,
    async run(text) {
      for (const { targets } of parseTable(text, (path) => ({ path, source: PV }))) {
        tableLines(targets, { showKeys: true });
        for (const target of targets.slice(0, 20)) await saying(async () => readEdges(openTarget(target)));
      }
    },
  },
  "lvm-text": {
    samples: SAMPLES.lvm,
    async run(text) {
      const metadata = parseVolumeGroup(text, "text");
      const found = metadata.physicalVolumes.slice(0, 20).map(({ id }) => ({ device: { path: `/dev/${id}`, source: PV }, pv: { pvUuid: id, sizeBytes: PV.sizeBytes, labelSector: 1, dataAreas: [], metadataAreas: [], metadata, damage: [] } }));
      for (const { logicalVolumes } of assembleVolumeGroups(found, stackPlanner)) {
        for (const { open, tables = [] } of logicalVolumes.slice(0, 50)) {
          for (const { targets } of tables.slice(0, 50)) tableLines(targets.slice(0, 1000));
          if (open !== undefined) await saying(async () => readEdges(open()));
        }
      }
    },
  },
  "luks2-json": {
    samples: SAMPLES.luks2,
    async run(text) {
      const area = Buffer.alloc(12288);
      area.write(text.slice(0, 12287));
      await tryPassphrase(PV, { ...LUKS2, metadata: parseLuks2Metadata(area, "text") });
    },
  },
};

/** A change of a text, by its words. */
export type TextEdit = { kind: "replace" | "drop" | "repeat" | "insert" | "copy"; where: number; value: number; text: string };

const NUMBERS = ["0", "1", "-1", "2", "512", "4294967295", "4294967296", "9007199254740991", "9007199254740992", "9223372036854775807", "18446744073709551615", "18446744073709551616", "1e308", "0x10", "1.5", "00", "NaN"];
const SPECIAL = ["", "\0", "%", "%00", "%zz", ":", ",", "=", "\"", "\\", "{", "}", "[", "]", "#", "\n", "\t", " ", "\u{1f600}", "\ud800", "../../etc/passwd", "__proto__", "constructor", "toString", "null", "true", "-", "--", "@", "/", "a {\n", "a = [", "{\"a\":", "[["];
const REPEATS = [1, 2, 3, 10, 100, 1000, 20_000, 100_000];

/** Edits as fast-check makes and shrinks them. */
export const textEdits: fc.Arbitrary<TextEdit[]> = fc.array(fc.record({
  kind: fc.constantFrom<TextEdit["kind"][]>("replace", "drop", "repeat", "insert", "copy"),
  where: fc.nat({ max: 100_000 }),
  value: fc.nat({ max: 1000 }),
  text: fc.oneof(fc.constantFrom(...NUMBERS), fc.constantFrom(...SPECIAL), fc.string({ maxLength: 12 })),
}), { minLength: 1, maxLength: 8 });

const MOST_TEXT = 200_000;

/** The text with the edits. */
export function editWords(text: string, edits: readonly TextEdit[]): string {
  const words = text.match(/[A-Za-z_]+|\d+|\s+|[^]/gu) ?? [];
  for (const { kind, text: other, value, where } of edits) {
    const at = words.length === 0 ? 0 : where % words.length;
    const word = words[at] ?? "";
    if (kind === "replace") words[at] = value % 3 === 0 ? (words[value % words.length] ?? "") : other;
    else if (kind === "drop") words.splice(at, 1 + (value % 4));
    else if (kind === "insert") words.splice(at, 0, other.repeat(Math.min(REPEATS[value % REPEATS.length]!, Math.ceil(MOST_TEXT / Math.max(1, other.length)))));
    else if (kind === "repeat") words[at] = word.repeat(Math.min(REPEATS[value % REPEATS.length]!, Math.ceil(MOST_TEXT / Math.max(1, word.length))));
    else words.splice(at, 0, ...words.slice(at - (value % 60), at));
  }
  return words.join("").slice(0, MOST_TEXT);
}
