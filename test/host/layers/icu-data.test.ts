import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { packIcuData } from "../../../src/host/layers/icu-data.ts";
import { isNeededIcuItem } from "../../../src/host/layers/runtime-trim.ts";

/** A common-data archive as icupkg lays it out, behind some other bytes. */
function archive(items: Record<string, string>): Buffer {
  const header = Buffer.alloc(32);
  header.writeUInt16LE(32, 0);
  header.set([0xda, 0x27, 20, 0], 2);
  header.write("CmnD", 12, "latin1");
  header[16] = 1;
  const names = Object.keys(items).map((name) => Buffer.from(`icudt1l/${name}\0`));
  const toc = Buffer.alloc(4 + 8 * names.length);
  toc.writeUInt32LE(names.length);
  const contents: Buffer[] = [];
  let nameAt = toc.length;
  let dataAt = Math.ceil((toc.length + Buffer.concat(names).length) / 16) * 16;
  const pad = Buffer.alloc(dataAt - toc.length - Buffer.concat(names).length);
  Object.values(items).forEach((text, index) => {
    toc.writeUInt32LE(nameAt, 4 + 8 * index);
    toc.writeUInt32LE(dataAt, 8 + 8 * index);
    contents.push(Buffer.from(text.padEnd(16)));
    nameAt += names[index]!.length;
    dataAt += 16;
  });
  return Buffer.concat([Buffer.alloc(64, "x"), header, toc, ...names, pad, ...contents, Buffer.alloc(64, "y")]);
}

test("items that nobody needs leave the archive, the others keep their bytes", () => {
  const bytes = archive({ "a.res": "alpha", "b.res": "beta", "c.res": "gamma", "z.res": "last" });
  const unused = packIcuData(bytes, (path) => path === "b.res");
  const listed = bytes.subarray(96);
  expect(listed.readUInt32LE()).toBe(1);
  expect(listed.toString("latin1", listed.readUInt32LE(4)).split("\0")[0]).toBe("icudt1l/b.res");
  expect(listed.toString("latin1", listed.readUInt32LE(8)).slice(0, 4)).toBe("beta");
  expect(bytes.subarray(unused!.startBytes, unused!.endBytes).every((byte) => byte === 0)).toBe(true);
  expect(bytes.toString("latin1", unused!.endBytes)).toMatch(/^last +y+$/);
});

test("bytes without such an archive are left as they are", () => {
  const bytes = Buffer.from("CmnD and CmnD again");
  expect(packIcuData(bytes, () => true)).toBeUndefined();
  expect(bytes.toString()).toBe("CmnD and CmnD again");
});

test.each([
  { what: "a count beyond any archive", at: 96, value: 0xffffffff, found: /lists 4294967295 items/ },
  { what: "an item behind the file's end", at: 96 + 4 + 8 + 4, value: 0x7fffffff, found: /the next at 2147483647/ },
  { what: "a name behind the file's end", at: 96 + 4, value: 0x7fffffff, found: /no name at/ },
])("$what is refused", ({ at, value, found }) => {
  const bytes = archive({ "a.res": "alpha", "b.res": "beta" });
  bytes.writeUInt32LE(value, at);
  expect(() => packIcuData(bytes, () => true)).toThrow(found);
});

test.each([
  ["coll/root.res", true], ["en.res", true], ["zone/en_US.res", true], ["res_index.res", true], ["supplementalData.res", true],
  ["nfkc.nrm", true], ["uemoji.icu", true], ["brkitr/char.brk", true], ["pool.res", true], ["zoneinfo64.res", true],
  ["de.res", false], ["lang/zh_Hant_HK.res", false], ["ibm-37_P100-1995.cnv", false], ["brkitr/thaidict.dict", false],
  ["unames.icu", false], ["translit/root.res", false], ["en_GB.res", false],
])("whether a boot needs %s: %s", (path, needed) => {
  expect(isNeededIcuItem(path)).toBe(needed);
});

const noIcupkg = spawnSync("icupkg", ["--help"]).error !== undefined;

test.skipIf(noIcupkg)("icupkg reads Node's packed data, and its items are the original ones (needs icupkg)", () => {
  const folder = mkdtempSync(join(tmpdir(), "mkinitrd-icu-"));
  try {
    const original = readFileSync(process.execPath);
    const start = original.indexOf("CmnD") - 12;
    const packed = Buffer.from(original);
    const unused = packIcuData(packed, isNeededIcuItem)!;
    const [name] = /icudt\w+/.exec(original.toString("latin1", start, start + 200_000))!;
    const list = (folderName: string, bytes: Buffer) => {
      const file = join(folder, folderName, `${name}.dat`);
      execFileSync("mkdir", [join(folder, folderName)]);
      writeFileSync(file, bytes);
      spawnSync("icupkg", ["-x", "*", "-d", join(folder, folderName), file]);
      // Its exit code says that some items (line_loose.brk) are named by others and absent: that is what was wanted.
      return spawnSync("icupkg", ["-l", file]).stdout.toString().trim().split("\n");
    };
    const before = list("before", original.subarray(start, unused.endBytes + 1_000_000));
    const after = list("after", packed.subarray(start, unused.startBytes));
    expect(after).toEqual(before.filter(isNeededIcuItem));
    const item = (folderName: string) => readFileSync(join(folder, folderName, "nfkc.nrm"));
    expect(item("after").equals(item("before"))).toBe(true);
  } finally {
    rmSync(folder, { recursive: true });
  }
}, 30_000);
