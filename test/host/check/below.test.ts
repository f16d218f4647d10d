import { describe, expect, test } from "vitest";
import type { Stage } from "../../../src/core/realroot/types.ts";
import type { Survey } from "../../../src/core/volumes/discover.ts";
import type { ArrayRef, Volume } from "../../../src/core/volumes/types.ts";
import { belowFindings, type Walk } from "../../../src/host/check/below.ts";
import { deviceFindings } from "../../../src/host/check/hops.ts";
import type { ImageFacts } from "../../../src/host/check/image-facts.ts";
import { lockFindings } from "../../../src/host/check/locked.ts";
import { insidesOf, namedBy } from "../../../src/host/check/named.ts";

const UUID = "6b1f0d5e-9c1a-4a52-8d0e-3f2b7c4a9e01";
const stage = (kind: string, device: string, more: Partial<Stage> = {}): Stage => ({ kind, device, fstype: "none", options: {}, mountOptions: [], ...more });
const volume = (name: string, more: Partial<Volume> = {}): Volume => ({ name, layer: "disk", sizeBytes: 1 << 20, ...more });
const array = (more: Partial<ArrayRef> = {}): Volume => volume("/dev/md/root", { layer: "array", md: { uuid: UUID, level: "raid1", metadata: "1.2", active: false, devices: 2, failed: 0, missing: [], outdated: [], startable: true, members: ["a.img", "b.img"], ...more } });
const lv = (missingPvs: string[], degradable: boolean): Volume => volume("vg/root", { layer: "lv", lv: { vg: "vg", vgUuid: "g", lv: "root", lvUuid: "l", active: false, missingPvs, degradable } });

/** An image that serves some kinds, with every driver but those of `without`. */
function imageOf(kinds: string[], without: string[] = []): ImageFacts {
  return {
    boot: { kinds: Object.fromEntries(kinds.map((kind) => [kind, {}])) }, crypttab: [],
    scriptOf: async (kind: string) => (kinds.includes(kind) ? { path: `rc.d/${kind}.js`, header: { modules: [], programs: [] } } : undefined),
    driver: (name: string) => (without.includes(name) ? undefined : "packed"),
    program: async () => undefined,
  } as unknown as ImageFacts;
}

const walk = (volumes: Volume[], stages: Stage[], image = imageOf(["local", "md", "lvm"])): Walk => ({ survey: { volumes, groups: [], arrays: [] } as Survey, image, stages, isGptForced: false, seen: new Set() });
const failures = async (one: Volume, stages: Stage[], image?: ImageFacts, others: Volume[] = []) => (await belowFindings(one, walk([one, ...others], stages, image))).filter(({ outcome }) => outcome !== "ok").map(({ evidence, outcome, what }) => `${outcome} ${what}: ${evidence}`);

describe("what the volume of a stage lies on", () => {
  test("an array that no stage names is assembled by the kind md, where the image has it", async () => {
    expect(await failures(array(), [stage("local", "LABEL=root")])).toEqual([]);
    expect(await failures(array(), [stage("local", "LABEL=root")], imageOf(["local", "lvm"]))).toEqual(["failed kind md: the image serves local, lvm"]);
  });

  test("a logical volume that no stage names is activated by the kind lvm, where the image has it", async () => {
    expect(await failures(lv([], false), [stage("local", "LABEL=root")], imageOf(["local"]))).toEqual(["failed kind lvm: the image serves local"]);
  });

  test("the driver of an array under a group is looked for, too", async () => {
    const root: Volume = { ...lv([], false), lv: { ...lv([], false).lv!, devices: ["/dev/md/root"] } };
    expect(await failures(root, [stage("lvm", "vg/root")], imageOf(["lvm", "md"], ["raid1"]), [array()])).toEqual([expect.stringMatching(/^failed raid1 of 2: raid1: neither in the image/)]);
  });

  test.each([
    { degraded: undefined, found: ["failed members of /dev/md/root: member 2 of 2 is missing"] },
    { degraded: "never", found: ["failed members of /dev/md/root: member 2 of 2 is missing"] },
    { degraded: "ask", found: ["unknown members of /dev/md/root: member 2 of 2 is missing; the boot asks a person whether to start without"] },
    { degraded: "10", found: [] },
  ])("an array without a member is started by degraded=$degraded", async ({ degraded, found }) => {
    expect(await failures(array({ missing: [1] }), [stage("md", `UUID=${UUID}`, { options: degraded === undefined ? {} : { degraded } })])).toEqual(found);
  });

  test("a copy of a member or of a physical volume may be taken for it", async () => {
    expect(await failures(array({ copies: ["c.img"] }), [])).toEqual(["failed disks of /dev/md/root: c.img has the same member as another disk: one is a copy, and nobody can tell which"]);
  });

  test("nothing starts what can't be read without its member", async () => {
    expect(await failures(array({ missing: [0, 1], startable: false }), [stage("md", `UUID=${UUID}`, { options: { degraded: "10" } })])).toHaveLength(1);
    expect(await failures(lv(["pv"], false), [stage("lvm", "vg/root", { options: { degraded: "ask" } })])).toEqual(["failed physical volume pv: it is on none of the disks"]);
    expect(await failures(lv(["pv"], true), [stage("lvm", "vg/root", { options: { degraded: "5" } })])).toEqual([]);
  });
});

describe("what a stage names", () => {
  const pool = (name: string, id: string): Volume => volume(name, { content: { type: "btrfs", uuid: UUID, member: { uuid: id, id: 1, count: 2 } } });

  test("all devices of a btrfs are one, copies of one are several, and one that is away is missed", async () => {
    const named = async (...volumes: Volume[]) => (await deviceFindings(stage("local", `UUID=${UUID}`), walk(volumes, []))).findings.filter(({ outcome }) => outcome === "failed").map(({ evidence }) => evidence);
    expect(await named(pool("a.img", "1"), pool("b.img", "2"))).toEqual([]);
    expect(await named(pool("a.img", "1"), pool("b.img", "1"))).toEqual(["several have this name: a.img, b.img"]);
    expect(await named(pool("a.img", "1"))).toEqual(["1 of its 2 are on the disks: a.img"]);
  });

  test("a UUID and a logical volume are on the disks or not; a path, a serial number may be the other machine's", () => {
    const names = ["UUID=1", "LABEL=x", "PARTUUID=1", "vg/root", "/dev/mapper/x", "/dev/vda2", "SERIAL=1", "/dev/disk/by-path/pci-0000:00:05.0", "/dev/block/254:1"];
    expect(names.map((name) => namedBy(stage("local", name), [], []).isOfMachine)).toEqual([false, false, false, false, false, true, true, true, true]);
  });

  test("a mapping is the one that another stage makes, locked or open", () => {
    const container = volume("a.img", { content: { type: "crypto_LUKS", uuid: UUID } });
    const inside = volume("/dev/mapper/luks-x", { layer: "mapping", below: ["a.img"], dm: { name: "luks-x", uuid: "CRYPT-LUKS2-x" } });
    const [crypt, root] = [stage("crypt", `UUID=${UUID}`, { name: "pv0" }), stage("local", "/dev/mapper/pv0")];
    expect(namedBy(root, [crypt, root], [container, inside]).found).toEqual([inside]);
    expect(namedBy(root, [crypt, root], [container])).toEqual({ found: [], isOfMachine: false, lockedBehind: crypt });
    const [a, b] = [stage("crypt", "/dev/mapper/b", { name: "a" }), stage("crypt", "/dev/mapper/a", { name: "b" })];
    expect(namedBy(a, [a, b], []).found).toEqual([]);
  });
});

describe("an outer volume and its hidden one, both open", () => {
  const container = volume("a.img");
  const open = (name: string, options: Stage["options"]): Volume => volume(name, { layer: "mapping", below: ["a.img"], openedBy: { kind: "tcplay", options } });
  const both = [open("outer", {}), open("inner", { hidden: "yes" })];
  const named = (hidden?: string) => insidesOf(stage("tcplay", "a.img", { options: hidden === undefined ? {} : { hidden } }), container, both).map(({ name }) => name);

  test("are told from each other by the option hidden", () => {
    expect([named("yes"), named("no"), named()]).toEqual([["inner"], ["outer"], ["outer", "inner"]]);
  });

  test("are for the passphrase to choose from without it", () => {
    expect(lockFindings(stage("tcplay", "a.img"), container, both)).toMatchObject([{ outcome: "unknown", evidence: expect.stringMatching(/the outer volume and the hidden one are open here \(outer, inner\)/) }]);
  });
});
