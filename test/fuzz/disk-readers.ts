import type { Source } from "../../src/core/binary/source.ts";
import { luksPayload } from "../../src/core/crypt/luks-payload.ts";
import { openCrypt } from "../../src/core/dm/crypt.ts";
import { openTarget } from "../../src/core/dm/open-target.ts";
import { parseTable, tableLines } from "../../src/core/dm/table-text.ts";
import { probeGpt } from "../../src/core/formats/gpt.ts";
import { probeLuks1 } from "../../src/core/formats/luks1.ts";
import { luks2KdfMemoryBytes, probeLuks2, unknownRequirements } from "../../src/core/formats/luks2.ts";
import { probeLvm2 } from "../../src/core/formats/lvm2.ts";
import { probeMbr } from "../../src/core/formats/mbr.ts";
import { probeMd } from "../../src/core/formats/md.ts";
import { probeOtherTable } from "../../src/core/formats/other-tables.ts";
import { decodeTruecryptHeader } from "../../src/core/formats/truecrypt.ts";
import { readDmMetadata } from "./dm-readers.ts";
import { EVERY_FORMAT } from "../../src/core/volumes/every-format.ts";
import { probe } from "../../src/core/volumes/probe.ts";
import { inspectTree } from "../../src/host/inspect/node.ts";
import { surveyDisks } from "../../src/host/inspect/survey.ts";
import { openVerities, verityPairs } from "../../src/host/inspect/verity.ts";
import { volumeTables } from "../../src/host/inspect/tables.ts";
import { inspectJson, inspectText } from "../../src/host/inspect/text.ts";
import { kinds } from "../core/realroot/kinds.ts";
import type { Limits } from "./disk.ts";
import { tryPassphrase } from "./luks-unlock.ts";
import { readEdges, saying } from "./reading.ts";
import { arraySeeds, corpusSeeds, fixtureSeeds, imageSeeds, type Seed } from "./seeds.ts";

const MIB = 1024 * 1024;

/** What reads disks, and may throw MkinitrdError and nothing else. */
export interface DiskReader {
  /** Disks to damage; `all` asks for those that need not be there, too. */
  seeds(all: boolean): Seed[];
  limits: Limits;
  /** Gives what the reader says of damage, beside what it throws. */
  run(sources: Source[]): Promise<string>;
}

/** Of a reader that looks at one volume: probe.ts says 1 MiB, and what a format adds. */
const ONE_VOLUME: Limits = { reads: 5_000, readBytes: 48 * MIB, heldBytes: 64 * MIB };
/** Up to a thousand partitions and as many LVs are looked into. */
const WHOLE_DISK: Limits = { reads: 200_000, readBytes: 3072 * MIB, heldBytes: 64 * MIB };

/** By the name that `--only` takes. */
export const DISK_READERS: Record<string, DiskReader> = {
  probe: {
    seeds: (all) => [...fixtureSeeds(["fs", "rarer", "luks1", "luks2", "lvm2", "md", "gpt", "mbr"]), ...(all ? corpusSeeds(["blkid-fs", "fs-fresh", "fs-cryptsetup", "btrfs-progs", "bitlk", "luks"]) : [])],
    limits: ONE_VOLUME,
    run: each(async (source) => ((await probe(source, EVERY_FORMAT))?.damage ?? []).join("\n")),
  },
  formats: {
    seeds: (all) => [...fixtureSeeds(["rarer", "fs"]), ...(all ? corpusSeeds(["blkid-fs", "fs-fresh", "bitlk"]) : [])],
    limits: { ...ONE_VOLUME, readBytes: 256 * MIB },
    run: each(async (source) => {
      const said: string[] = [];
      for (const probeOne of [...EVERY_FORMAT.inFirstSector, ...EVERY_FORMAT.behindFirstSector]) said.push(await saying(async () => ((await probeOne(source))?.damage ?? []).join("\n")));
      return said.join("\n");
    }),
  },
  tables: {
    seeds: (all) => [...fixtureSeeds(["gpt", "mbr", "rarer"], /(gpt|three|full|four|empty|logical|gap|atari|bsd|mac|sun|exfat).*\.img\.gz$/), ...(all ? corpusSeeds(["blkid-pt", "disks"]) : [])],
    limits: { ...ONE_VOLUME, reads: 20_000 },
    run: each(async (source) => {
      const said = [];
      for (const read of [() => probeGpt(source, 512), () => probeGpt(source, 4096), () => probeMbr(source, 512), () => probeMbr(source, 4096), () => probeOtherTable(source)]) {
        said.push(await saying(async () => { const table = await read(); return typeof table === "object" ? table.damage.join("\n") : ""; }));
      }
      return said.join("\n");
    }),
  },
  luks: {
    seeds: (all) => [...fixtureSeeds(["luks1", "luks2"]), ...(all ? corpusSeeds(["luks", "luks-fresh", "luks2-validation"]) : [])],
    limits: { ...ONE_VOLUME, readBytes: 128 * MIB },
    run: each(async (source) => {
      const header = (await probeLuks2(source)) ?? (await probeLuks1(source));
      if (header === undefined) return "";
      if ("metadata" in header) [luks2KdfMemoryBytes(header), unknownRequirements(header)];
      const said = await saying(async () => {
        const target = luksPayload(header, Buffer.alloc("keyBytes" in header ? Math.min(64, header.keyBytes) : 64, 7), { path: source.name, source });
        await readEdges(openCrypt(target));
        return tableLines([{ type: "crypt", ...target }]).join("\n");
      });
      await tryPassphrase(source, header);
      return [...header.damage, said].join("\n");
    }),
  },
  lvm: {
    seeds: (all) => [...fixtureSeeds(["lvm2"]), ...(all ? corpusSeeds(["lvm-fresh"]) : [])],
    limits: { ...ONE_VOLUME, readBytes: 128 * MIB },
    run: each(async (source) => ((await probeLvm2(source))?.damage ?? []).join("\n")),
  },
  md: {
    seeds: (all) => [...fixtureSeeds(["md"], /superblock\.gz$/), ...arraySeeds(), ...(all ? corpusSeeds(["mdraid"]) : [])],
    limits: ONE_VOLUME,
    run: each(async (source) => (await probeMd(source))?.uuid ?? ""),
  },
  truecrypt: {
    seeds: () => fixtureSeeds(["truecrypt"]),
    limits: ONE_VOLUME,
    run: each(async (source) => {
      const plain = await source.read(0, 512);
      decodeTruecryptHeader(plain, source);
      return "";
    }),
  },
  dm: { seeds: (all) => [...dmSeeds(), ...(all ? corpusSeeds(["verity"]) : [])], limits: { reads: 400_000, readBytes: 512 * MIB, heldBytes: 64 * MIB }, run: readDmMetadata },
  survey: {
    seeds: (all) => [
      ...arraySeeds(), ...fixtureSeeds(["gpt", "mbr", "luks2", "lvm2"]), groupSeed("group-"), groupSeed("kinds\\."), ...fixtureSeeds(["dm"], /^verity-disk\.img\.gz$/),
      ...(all ? [...corpusSeeds(["lvm-fresh", "mdraid", "disks", "btrfs-progs"]), ...imageSeeds()] : []),
    ],
    limits: WHOLE_DISK,
    run: surveyAll,
  },
};

/** Both physical volumes of a group. */
function groupSeed(like: string): Seed {
  return { name: `lvm2/${like}`, disks: fixtureSeeds(["lvm2"], new RegExp(`^${like}\\w+\\.img\\.gz$`)).flatMap(({ disks }) => disks) };
}

/** What the kernel's targets wrote: each set of devices together. */
function dmSeeds(): Seed[] {
  return [/^thin\./, /^cache1\./, /^cache2\./, /^snapshot\./, /^writecache\./, /^verity-mixed-back\./, /^verity-chromium\./].map((like) => ({ name: `dm/${like.source}`, disks: fixtureSeeds(["dm"], new RegExp(`${like.source}.*img\\.gz$`)).flatMap(({ disks }) => disks) }));
}

/** Everything that `inspect`, `dmsetup` and `dump` do: the tree, its text, the tables, and bytes of each volume. */
async function surveyAll(sources: Source[]): Promise<string> {
  const found = await surveyDisks(sources.map((source) => ({ path: source.name, source })));
  const pairs = await verityPairs(found.volumes);
  const trees = inspectTree(found, { pairs });
  inspectText(trees, kinds, { colours: false, lines: false });
  JSON.stringify(inspectJson(trees, kinds));
  const said = found.volumes.flatMap(({ content, damage }) => [damage ?? "", ...(content?.damage ?? [])]);
  for (const volume of found.volumes.slice(0, 64)) {
    await saying(async () => JSON.stringify(volumeTables(volume, found, [], { showKeys: true })));
    const source = volume.source ?? volume.openPartial?.();
    if (source !== undefined) said.push(await saying(async () => readEdges(source)));
  }
  for (const { rootDigest } of pairs) {
    said.push(await saying(async () => (await Promise.all((await openVerities(found.volumes, [rootDigest.toString("hex")])).map(({ device }) => readEdges(device.source)))).join()));
  }
  for (const group of found.groups) {
    for (const { targets } of group.logicalVolumes.slice(0, 64)) {
      if (targets === undefined) continue;
      await saying(async () => JSON.stringify(parseTable(tableLines(targets).join("\n"), (path) => ({ path, source: sources[0]! })).length));
      for (const target of targets.slice(0, 8)) await saying(async () => readEdges(openTarget(target)));
    }
  }
  return said.join("\n");
}

function each(read: (source: Source) => Promise<string>): DiskReader["run"] {
  return async (sources) => (await Promise.all(sources.map((source) => saying(() => read(source))))).join("\n");
}
