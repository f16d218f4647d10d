import { expect, test } from "vitest";
import type { Source } from "../../src/core/binary/source.ts";
import { MkinitrdError } from "../../src/core/errors.ts";
import { probeLuks1 } from "../../src/core/formats/luks1.ts";
import type { Luks1Header } from "../../src/core/formats/luks1.ts";
import { probeLuks2, unknownRequirements } from "../../src/core/formats/luks2.ts";
import type { Luks2Header } from "../../src/core/formats/luks2.ts";
import { parseLuks2Metadata } from "../../src/core/formats/luks2-metadata.ts";
import { describeCorpus } from "./corpus.ts";
import type { Entry } from "./corpus.ts";

interface Luks {
  must_be_refused?: boolean | string;
  luksDump: string | { output: string };
  json?: { keyslots: Record<string, { kdf: object; area: { offset: string } }>; segments: Record<string, { offset: string }> };
}

for (const folder of ["luks", "luks-fresh"]) {
  describeCorpus<Luks>(folder, (entries, source) => {
    const header = (entry: Entry<Luks>): Source => source((entry.files.find(({ file }) => file.includes(".header")) ?? entry.files[0])?.file ?? "");
    const valid = entries.filter(({ expect: { must_be_refused } }) => must_be_refused !== true);

    test.each(valid.filter(({ kind }) => kind === "luks1"))("$id reads as cryptsetup luksDump prints it", async (entry) => {
      const disk = header(entry);
      const found = await probeLuks1(disk);
      expect(found && dumped1(found)).toEqual(lines(entry, LUKS1));
      expect(await probeLuks2(disk)).toBeUndefined();
    });

    test.each(valid.filter(({ kind }) => kind === "luks2"))("$id reads as cryptsetup luksDump prints it", async (entry) => {
      const disk = header(entry);
      const found = await probeLuks2(disk);
      expect(found && dumped2(found)).toEqual(lines(entry, LUKS2));
      expect(found?.damage).toEqual([]);
      expect(await probeLuks1(disk)).toBeUndefined();
    });

    test.each(entries.filter(({ expect: { must_be_refused } }) => must_be_refused === true))("$id is refused", async (entry) => {
      await expect(probeLuks1(header(entry))).rejects.toThrow(/keyslot \d/);
    });

    test.each(entries.filter(({ expect: { must_be_refused } }) => typeof must_be_refused === "string"))("$id has requirements that nobody knows", async (entry) => {
      const found = await probeLuks2(header(entry));
      expect(found && unknownRequirements(found)).not.toEqual([]);
    });
  });
}

/** The lines of luksDump that say what we read, in its own order, spaces made one. */
const LUKS1 = /^(Version|Cipher name|Cipher mode|Hash spec|Payload offset|MK bits|MK iterations|UUID|Key Slot \d|Iterations|Key material offset):/;
const LUKS2 = /^(Version|Epoch|Metadata area|Keyslots area|UUID|\d+: luks2|offset|length|cipher|sector|Key|Priority|PBKDF|Time cost|Memory|Threads|Iterations|Area offset|Area length)\b/;

function lines({ expect: { luksDump } }: Entry<Luks>, pattern: RegExp): string[] {
  const output = (typeof luksDump === "string" ? luksDump : luksDump.output)
    .replace(/\nTokens:[^]*/, "")
    .replace(/(PBKDF: +argon2\n)(.*\n){3}/g, "$1"); // a name that was given up before the first release: we keep no parameters
  return output.split("\n").map((line) => line.trim().replace(/\s+/g, " ").replace(/:\s*/, ": ")).filter((line) => pattern.test(line));
}

function dumped1(header: Luks1Header): string[] {
  return [
    "Version: 1",
    `Cipher name: ${header.cipherName}`,
    `Cipher mode: ${header.cipherMode}`,
    `Hash spec: ${header.hash}`,
    `Payload offset: ${header.payloadSector}`,
    `MK bits: ${header.keyBytes * 8}`,
    `MK iterations: ${header.digestIterations}`,
    `UUID: ${header.uuid}`,
    ...header.keyslots.flatMap(({ number, active, iterations, keyMaterialSector }) =>
      active
        ? [`Key Slot ${number}: ENABLED`, `Iterations: ${iterations}`, `Key material offset: ${keyMaterialSector}`]
        : [`Key Slot ${number}: DISABLED`],
    ),
  ];
}

function dumped2({ seqid, headerBytes, uuid, metadata }: Luks2Header): string[] {
  return [
    "Version: 2",
    `Epoch: ${seqid}`,
    `Metadata area: ${headerBytes} [bytes]`,
    `Keyslots area: ${metadata.config.keyslotsBytes} [bytes]`,
    `UUID: ${uuid}`,
    ...metadata.segments.flatMap(({ offsetBytes, sizeBytes, crypt }) => [
      `offset: ${offsetBytes} [bytes]`,
      `length: ${sizeBytes === "dynamic" ? "(whole device)" : `${sizeBytes} [bytes]`}`,
      `cipher: ${crypt?.encryption}`,
      `sector: ${crypt?.sectorBytes} [bytes]`,
    ]),
    ...metadata.keyslots.flatMap(({ number, type, keyBytes, priority, kdf, area }) => [
      `${number}: ${type}${metadata.digests.some(({ keyslots, segments }) => keyslots.includes(number) && segments.length > 0) ? "" : " (unbound)"}`,
      `Key: ${keyBytes * 8} bits`,
      `Priority: ${["ignored", "normal", "preferred"][priority]}`,
      ...(kdf?.type === "unknown" ? [`PBKDF: ${kdf.name}`] : []),
      ...(kdf?.type === "pbkdf2" ? ["PBKDF: pbkdf2", `Iterations: ${kdf.iterations}`] : []),
      ...(kdf !== undefined && "memoryKib" in kdf
        ? [`PBKDF: ${kdf.type}`, `Time cost: ${kdf.time}`, `Memory: ${kdf.memoryKib}`, `Threads: ${kdf.cpus}`]
        : []),
      `Area offset: ${area.offsetBytes} [bytes]`,
      `Area length: ${area.sizeBytes} [bytes]`,
    ]),
  ];
}

describeCorpus<{ accepted: boolean }>("luks2-validation", (entries, source) => {
  test.each(entries.filter(({ expect: { accepted } }) => accepted))("$id is accepted", async ({ files }) => {
    expect((await probeLuks2(source(files[0]?.file ?? "")))?.uuid).toBe("12a3a118-7039-4575-a649-3f559d8d87ee");
  });

  test.each(entries.filter(({ expect: { accepted } }) => !accepted))("$id is refused", async ({ files }) => {
    await expect(probeLuks2(source(files[0]?.file ?? ""))).rejects.toBeInstanceOf(MkinitrdError);
  });
});

describeCorpus<{ parses: boolean }>("luks2-json", (entries, source) => {
  test.each(entries)("$id parses: $expect.parses", async ({ files, expect: { parses } }) => {
    const text = await readAll(source(files[0]?.file ?? ""));
    const { config } = JSON.parse(text.toString()) as { config: { json_size: string } };
    const area = Buffer.alloc(Number(config.json_size));
    text.subarray(0, text.lastIndexOf("}") + 1).copy(area);
    const parse = () => parseLuks2Metadata(area, "1.json");
    if (parses) expect(parse().keyslots.length).toBeGreaterThan(0);
    else expect(parse).toThrow(MkinitrdError);
  });
});

const readAll = (source: Source): Promise<Buffer> => source.read(0, source.sizeBytes);
