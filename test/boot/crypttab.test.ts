import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { crypttabStages, nameStages, readCrypttab } from "../../src/boot/crypttab.ts";
import { createStages } from "../../src/boot/stages.ts";
import { createTestContext } from "../../src/core/rc/testing.ts";
import { parseCrypttab } from "../../src/core/realroot/crypttab.ts";
import { DEFAULT_RESCUE } from "../../src/core/rc/boot-config.ts";
import type { Stage } from "../../src/core/realroot/types.ts";
import type { Volume } from "../../src/core/volumes/types.ts";

const kinds = { local: { fields: ["device", "options"], options: [] }, crypt: { fields: ["device", "name", "options"], options: ["keyfile"] } };
const stage = (kind: string, device: string, name?: string): Stage => ({ kind, fstype: "none", device, options: {}, mountOptions: [], ...(name === undefined ? {} : { name }) });
const disk = (path: string, more: Partial<Volume> = {}): Volume => ({ name: path, layer: "disk", path, sizeBytes: 1 << 30, ...more });

/** The name of the entry that is opened for what is wanted. */
function below(crypttab: string, wanted: string, { requested = [stage("local", wanted)], chain = [], volumes = [disk("/dev/vda"), disk("/dev/vdb")], waitedMs = 0, served = [] as string[] }: { requested?: Stage[]; chain?: Stage[]; volumes?: Volume[]; waitedMs?: number; served?: string[] } = {}): string | undefined {
  const { entries } = parseCrypttab(crypttab, kinds);
  const stages = createStages({ stages: requested, loadKind: async () => async () => "", contextFor: () => createTestContext() });
  for (const entry of entries) if (served.includes(entry.stage.name ?? "")) void stages.serve(entry.stage);
  return crypttabStages(entries, requested, () => false).below({ wanted, volumes, stages, chain, waitedMs })?.name;
}

const TWO = "data /dev/vdb none luks\nroot /dev/vda none luks\n";

test("the entry that makes the mapping which is wanted is opened at once, and no other", () => {
  expect(below(TWO, "/dev/mapper/root")).toBe("root");
  expect(below("root /dev/vdz none luks,noauto\n", "/dev/mapper/root")).toBe("root");
});

test("the only entry is opened at once for a root by any name", () => {
  expect(below("root /dev/vda none luks\n", "UUID=1")).toBe("root");
  expect(below("root /dev/vda none luks\n", "vg00/lv0")).toBe("root");
});

test("of several, one for the early boot is opened at once, the others when the device does not come by itself", () => {
  expect(below(TWO, "UUID=1")).toBeUndefined();
  expect(below(TWO, "UUID=1", { waitedMs: 2000 })).toBe("data");
  expect(below(`${TWO}pv /dev/vda none luks,initramfs\n`, "UUID=1")).toBe("pv");
});

test("an entry whose key file is not in the image comes last", () => {
  const crypttab = "data /dev/vdb /etc/data.key luks\nroot /dev/vda none luks\n";
  expect(below(crypttab, "UUID=1", { waitedMs: 2000 })).toBe("root");
  expect(below(crypttab, "UUID=1", { waitedMs: 2000, served: ["root"] })).toBe("data"); // the only one left
});

test("without a type, what the device holds decides: LUKS or TrueCrypt", () => {
  const { entries } = parseCrypttab("a /dev/vda none none\n", { ...kinds, tcplay: kinds.crypt });
  const choose = (volume: Volume) => crypttabStages(entries, [], () => false).below({ wanted: "/dev/mapper/a", volumes: [volume], stages: createStages({ stages: [], loadKind: async () => async () => "", contextFor: () => createTestContext() }), chain: [], waitedMs: 0 })?.kind;
  expect(choose(disk("/dev/vda", { content: { type: "crypto_LUKS" } }))).toBe("crypt");
  expect(choose(disk("/dev/vda"))).toBe("tcplay");
});

test("nothing is opened that is not there, open already, begun with, noauto, or named by a stage of the realroot", () => {
  expect(below("root /dev/vdz none luks\n", "UUID=1")).toBeUndefined();
  expect(below("root /dev/vda none luks\n", "UUID=1", { volumes: [disk("/dev/vda"), disk("/dev/dm-0", { dm: { name: "root", uuid: "" } })] })).toBeUndefined();
  expect(below("root /dev/vda none luks\n", "UUID=1", { served: ["root"] })).toBeUndefined();
  expect(below("root /dev/vda none luks,noauto\n", "UUID=1", { waitedMs: 9000 })).toBeUndefined();
  const luks = disk("/dev/vda", { content: { type: "crypto_LUKS", uuid: "abc" } });
  expect(below("root UUID=abc none luks\n", "UUID=1", { volumes: [luks], requested: [stage("crypt", "/dev/vda", "pv0"), stage("local", "UUID=1")] })).toBeUndefined();
});

test("the device of a key file opens no entry that happens to be there", () => {
  const waiting = stage("crypt", "/dev/vda", "root");
  expect(below("data /dev/vdb none luks\n", "LABEL=KEYS", { chain: [waiting], requested: [waiting] })).toBeUndefined();
  expect(below("data /dev/vdb none luks\n", "UUID=1", { chain: [stage("local", "UUID=1")] })).toBe("data");
});

test("a stage without a name gets the one that the running system will look for", () => {
  const { request } = createTestContext();
  const { entries } = parseCrypttab("vda2_crypt UUID=abc none luks\n", kinds);
  const named = (stages: Stage[]) => nameStages({ ...request, stages }, entries).stages.map(({ name }) => name);
  expect(named([stage("crypt", "UUID=ABC"), stage("crypt", "UUID=abc", "pv0"), stage("crypt", "/dev/vda2")])).toEqual(["vda2_crypt", "pv0", undefined]);
});

test("the image's crypttab is read; without one there are no entries", () => {
  const folder = mkdtempSync(join(tmpdir(), "mkinitrd-crypttab-"));
  const file = join(folder, "crypttab");
  const config = { steps: [], kinds: { crypt: { script: "", encrypted: true, ...kinds.crypt } }, realroot: "", sealed: false, encrypted: true, rescue: DEFAULT_RESCUE, timeoutMs: 1, imageId: "" };
  expect(readCrypttab(config, file)).toEqual({ entries: [], warnings: [] });
  writeFileSync(file, "root UUID=1 none luks\n");
  expect(readCrypttab(config, file).entries.map(({ stage: { name } }) => name)).toEqual(["root"]);
  rmSync(folder, { recursive: true });
});
