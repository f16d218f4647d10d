import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { memorySource } from "../../../src/core/binary/source.ts";
import { probeElf } from "../../../src/core/formats/elf.ts";
import { blankOwnSymbols } from "../../../src/host/layers/elf-symbols.ts";
import { findProgram } from "../../../tools/packages.js";

const OWN = /^_ZN[VK]*(2v8|4node|5cppgc|6icu_\d\d)/;

test.skipIf(findProgram("readelf") === undefined)("of Node's own symbols no name is left, others keep theirs, and it runs as before", { timeout: 120_000 }, async () => {
  const folder = mkdtempSync(join(tmpdir(), "mkinitrd-symbols-"));
  try {
    const file = join(folder, "node");
    const bytes = readFileSync(process.execPath);
    blankOwnSymbols(bytes, (await probeElf(memorySource(bytes, "node")))!.sections);
    writeFileSync(file, bytes, { mode: 0o755 });
    const symbolsOf = (path: string) => execFileSync("readelf", ["--dyn-syms", "--wide", path], { encoding: "utf8", maxBuffer: 1 << 28, stdio: ["ignore", "pipe", "ignore"] })
      .split("\n").map((line) => line.trim().split(/\s+/)).filter((words) => words.length > 7 && /^\d+:$/.test(words[0]!)).map((words) => ({ section: words[6]!, name: words[7]! }));
    const [before, after] = [symbolsOf(process.execPath), symbolsOf(file)];
    expect(before.filter(({ section, name }) => section !== "UND" && OWN.test(name)).length).toBeGreaterThan(1000);
    expect(after.filter(({ name }) => OWN.test(name))).toEqual([]);
    const undefinedOnes = (symbols: typeof before) => symbols.filter(({ section, name }) => section === "UND" && name !== "").map(({ name }) => name).filter((name) => !OWN.test(name));
    expect(undefinedOnes(after).filter((name) => name.includes("@"))).toEqual(undefinedOnes(before).filter((name) => name.includes("@")));
    expect(execFileSync(file, ["-p", "[process.version, new Intl.NumberFormat('en').format(1234.5), require('crypto').createHash('sha256').update('').digest('hex').slice(0, 8)].join()"], { encoding: "utf8" }).trim())
      .toBe(`${process.version},1,234.5,e3b0c442`);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
