import { describe, expect, test, vi } from "vitest";
import { createStages } from "../../src/boot/stages.ts";
import { createVolumes } from "../../src/boot/volumes.ts";
import { createTestContext } from "../../src/core/rc/testing.ts";
import type { Context } from "../../src/core/rc/types.ts";
import type { Stage } from "../../src/core/realroot/types.ts";
import type { ArrayRef, Volume } from "../../src/core/volumes/types.ts";

const log = createTestContext().log;

function stage(kind: string, device: string, name?: string): Stage {
  return { kind, fstype: "none", device, options: {}, mountOptions: [], ...(name === undefined ? {} : { name }) };
}

function disk(path: string, more: Partial<Volume> = {}): Volume {
  return { name: path, layer: "disk", path, sizeBytes: 1 << 30, ...more };
}

function logical(vg: string, lv: string, more: Partial<Volume["lv"]> = {}, path?: string): Volume {
  const ref = { vg, vgUuid: `uuid-of-${vg}`, lv, lvUuid: `uuid-of-${lv}`, active: path !== undefined, missingPvs: [], ...more };
  return { name: `${vg}/${lv}`, layer: "lv", sizeBytes: 1 << 30, lv: ref, ...(path === undefined ? {} : { path }) };
}

/** A machine whose volumes change by what the stages' scripts do. */
function machine(stages: Stage[], volumes: Volume[], scripts: Record<string, (ctx: Context) => Promise<string>>, timeoutMs = 50) {
  let generation = 0;
  const shown: (string | undefined)[] = [];
  const devices = {
    start: async () => {},
    stop: async () => {},
    get generation() {
      return generation;
    },
    settled: true,
    changed: (_since: number, waitMs: number) => new Promise<void>((resolve) => setTimeout(resolve, Math.min(waitMs, 5))),
  };
  const volumesFor = (chain: Stage[]) =>
    createVolumes({ devices, stages: runner, log, timeoutMs, chain, showWaiting: (text) => shown.push(text), scan: async () => [...volumes] });
  const runner = createStages({
    stages,
    loadKind: async (kind) => scripts[kind]!,
    contextFor: (chain) => ({ ...createTestContext(), realroot: chain.at(-1)!, volumes: volumesFor(chain) }),
  });
  return { runner, shown, volumes, volumesFor, devices, add: (volume: Volume) => (volumes.push(volume), generation++) };
}

test("a device that appears later is found", async () => {
  const { volumesFor, add } = machine([], [], {}, 2000);
  setTimeout(() => add(disk("/dev/vda")), 20);
  await expect(volumesFor([]).find("/dev/vda")).resolves.toMatchObject({ path: "/dev/vda" });
});

test("when the deadline passes the error lists what was looked for and what there is", async () => {
  const { volumesFor } = machine([], [disk("/dev/vda", { content: { type: "ext4", label: "other" } })], {});
  await expect(volumesFor([]).find("LABEL=root")).rejects.toThrow(/waiting 0\.05 s for a device on LABEL=root: .*\n.*\/dev\/vda {2}ext4 {2}LABEL="other"/);
});

test("the deadline begins when the first drivers are in", async () => {
  const { volumesFor, add, devices } = machine([], [], {});
  devices.settled = false;
  setTimeout(() => add(disk("/dev/vda")), 150); // behind the deadline of 50 ms
  await expect(volumesFor([]).find("/dev/vda")).resolves.toMatchObject({ path: "/dev/vda" });
  const startedMs = performance.now();
  setTimeout(() => (devices.settled = true), 150);
  await expect(volumesFor([]).find("/dev/vdb")).rejects.toThrow(/waiting 0\.05 s for a device on \/dev\/vdb/);
  expect(performance.now() - startedMs).toBeGreaterThan(180);
});

test("the deadline begins when the drivers are seen to be in, however busy the machine was meanwhile", async () => {
  const { volumesFor, devices } = machine([], [], {});
  devices.settled = false;
  const finding = volumesFor([]).find("/dev/vdb").catch((error: unknown) => error);
  let settledMs = 0;
  setTimeout(() => {
    for (const untilMs = performance.now() + 200; performance.now() < untilMs;); // nobody looks for four deadlines
    [devices.settled, settledMs] = [true, performance.now()];
  }, 20);
  expect(await finding).toMatchObject({ tried: expect.stringMatching(/waiting 0\.05 s/) });
  expect(performance.now() - settledMs).toBeGreaterThan(45);
});

test("two volumes with the name that was asked for are refused", async () => {
  const twins = ["/dev/vda", "/dev/vdb"].map((path) => disk(path, { content: { type: "ext4", uuid: "abc" } }));
  await expect(machine([], twins, {}).volumesFor([]).find("UUID=abc")).rejects.toThrow(/choosing the device on UUID=abc: 2 that match/);
});

test("a logical volume that is not active is activated by the lvm script, and only that one", async () => {
  const served: Stage[] = [];
  const { volumesFor, volumes } = machine([], [logical("vg", "a"), logical("vg", "b")], {
    lvm: async ({ realroot }) => {
      served.push(realroot);
      volumes[0] = logical("vg", "a", {}, "/dev/dm-0");
      return "/dev/mapper/vg-a";
    },
  });
  await expect(volumesFor([]).find("/dev/vg/a")).resolves.toMatchObject({ path: "/dev/dm-0" });
  expect(served).toMatchObject([{ kind: "lvm", device: "vg/a", options: { "vg-uuid": "uuid-of-vg" } }]);
});

test("a missing physical volume is named", async () => {
  const incomplete = logical("vg", "a", { missingPvs: ["Iy3Z8K-0000"] });
  await expect(machine([], [incomplete], {}).volumesFor([]).findLogical("vg/a")).rejects.toThrow(/physical volume Iy3Z8K-0000 of volume group vg is missing/);
});

test("a physical volume that is back, and that LVM has marked as missing, is named with what to do", async () => {
  const marked = logical("vg", "a", { missingPvs: ["Iy3Z8K-0000"], returnedPvs: { "Iy3Z8K-0000": "/dev/vdb" }, degradable: true });
  await expect(machine([], [marked], {}).volumesFor([]).findLogical("vg/a")).rejects.toThrow(
    /vg\/a: physical volume Iy3Z8K-0000 on \/dev\/vdb was away when volume group vg changed, and is marked as missing\n.*vgextend --restoremissing vg DEVICE in another system; .*degraded=ask/);
});

test("a volume that has lost redundancy is taken when the rest did not come in its time, not before, and only where that is allowed", async () => {
  const degraded = logical("vg", "a", { missingPvs: ["Iy3Z8K"], degradable: true });
  const { volumesFor } = machine([], [degraded], {}, 400);
  await expect(volumesFor([]).findLogical("vg/a")).rejects.toThrow(/Iy3Z8K of volume group vg is missing[^]*next: .*add degraded=ask/);
  const startedMs = performance.now();
  await expect(volumesFor([]).findLogical("vg/a", { degraded: { afterMs: 100 } })).resolves.toBe(degraded);
  const tookMs = performance.now() - startedMs;
  expect(tookMs).toBeGreaterThanOrEqual(99);
  expect(tookMs).toBeLessThan(400);
});

test("a time of its own for a missing leg may be longer than the boot's; a volume that is whole in time is taken whole", async () => {
  const { volumesFor, volumes } = machine([], [logical("vg", "a", { missingPvs: ["Iy3Z8K"], degradable: true })], {}, 20);
  const whole = logical("vg", "a");
  setTimeout(() => (volumes[0] = whole), 60);
  await expect(volumesFor([]).findLogical("vg/a", { degraded: { afterMs: 5000 } })).resolves.toBe(whole);
});

test("a volume that can't do without what is missing is refused, whatever is allowed", async () => {
  const { volumesFor } = machine([], [logical("vg", "a", { missingPvs: ["Iy3Z8K"], degradable: false })], {});
  await expect(volumesFor([]).findLogical("vg/a", { degraded: { afterMs: 0 } })).rejects.toThrow(/physical volume Iy3Z8K of volume group vg is missing/);
});

test("a volume that is active already is taken as it is", async () => {
  const { volumesFor } = machine([], [logical("vg", "a", { missingPvs: ["Iy3Z8K"] }, "/dev/dm-0")], {});
  await expect(volumesFor([]).findLogical("vg/a")).resolves.toMatchObject({ path: "/dev/dm-0" });
});

test("disks and copies of them are refused, unless the volume is active already", async () => {
  const more = { devices: ["/dev/vda"], copies: ["/dev/vdb"] };
  const copied = /choosing the disks of the volume group on vg\/a: physical volumes of vg that are on \/dev\/vda are on \/dev\/vdb as well: one is a copy\n.*detach the copy/;
  await expect(machine([], [logical("vg", "a", more)], {}).volumesFor([]).findLogical("vg/a")).rejects.toThrow(copied);
  await expect(machine([], [logical("vg", "a", more, "/dev/dm-0")], {}).volumesFor([]).findLogical("vg/a")).resolves.toMatchObject({ path: "/dev/dm-0" });
});

describe("what only the kernel can put together", () => {
  const served: string[] = [];
  const machineOf = (volumes: Volume[]) => {
    served.length = 0;
    const made = machine([], volumes, { lvm: async ({ realroot }) => {
      served.push(realroot.device);
      const index = made.volumes.findIndex(({ name }) => name === realroot.device);
      const { lv } = made.volumes[index]!;
      made.volumes[index] = { ...logical("vg", lv!.lv, { ...lv, active: true }, `/dev/dm-${index}`), content: { type: "ext4", uuid: lv!.lv === "b" ? "abc" : "other" } };
      return "";
    } }, 4000);
    return made.volumesFor([]);
  };
  const thin = (name: string, more: Partial<Volume["lv"]> = {}) => logical("vg", name, { lvUuid: name, unread: true, ...more });

  test("is activated to see what it holds when a UUID does not come, one after the other, and no snapshot or incomplete one", async () => {
    const volumes = [thin("snap", { snapshotOf: "a" }), thin("lost", { missingPvs: ["x"] }), thin("a"), thin("b"), thin("c"), logical("vg", "linear")];
    const startedMs = performance.now();
    await expect(machineOf(volumes).find("UUID=abc")).resolves.toMatchObject({ name: "vg/b" });
    expect(performance.now() - startedMs).toBeGreaterThanOrEqual(1999);
    expect(served).toEqual(["vg/a", "vg/b"]);
  });

  test("is left alone when a device is named by its path", async () => {
    await expect(machineOf([thin("a")]).find("/dev/vdz", { timeoutMs: 2500 })).rejects.toThrow(/it did not appear/);
    expect(served).toEqual([]);
  });
});

describe("two groups of one name", () => {
  const twins = [logical("vg", "a", { vgUuid: "uuid-one", devices: ["/dev/vda"] }), logical("vg", "a", { vgUuid: "uuid-two", devices: ["/dev/vdb"], missingPvs: ["Iy3Z8K"] })];
  const refused = /choosing the volume group on (\/dev\/)?vg\/a: 2 groups of this name: \n {4}vg {2}UUID uuid-one {2}on \/dev\/vda\n {4}vg {2}UUID uuid-two {2}on \/dev\/vdb\n.*vg-uuid=uuid-one/;

  test("are refused with both UUIDs, though only one of them is whole", async () => {
    await expect(machine([], twins, {}).volumesFor([]).findLogical("vg/a")).rejects.toThrow(refused);
    await expect(machine([], twins, {}).volumesFor([]).find("/dev/vg/a")).rejects.toThrow(refused);
  });

  test("are told apart by UUID", async () => {
    await expect(machine([], twins, {}).volumesFor([]).findLogical("vg/a", { vgUuid: "uuid-one" })).resolves.toBe(twins[0]);
  });

  test("a UUID that neither has is an error with those that there are", async () => {
    await expect(machine([], twins, {}).volumesFor([]).findLogical("vg/a", { vgUuid: "uuid-six" }))
      .rejects.toThrow(/volume group uuid-six on vg\/a: only other groups have such a volume: \n.*uuid-one.*\n.*uuid-two/);
  });
});

test("the stage that makes the wanted mapping is served first, whatever the order of the spec", async () => {
  const [root, below] = [stage("local", "/dev/mapper/pv0"), stage("crypt", "/dev/vda2", "pv0")];
  const { runner, add } = machine([root, below], [disk("/dev/vda2")], {
    local: async (ctx) => (await ctx.volumes.find(ctx.realroot.device)).path,
    crypt: async (ctx) => {
      await ctx.volumes.find(ctx.realroot.device);
      add(disk("/dev/dm-0", { dm: { name: "pv0", uuid: "CRYPT-LUKS2-x" } }));
      return "/dev/mapper/pv0";
    },
  });
  await expect(runner.serve(root)).resolves.toBe("/dev/dm-0");
});

test("a logical volume inside LUKS is found though its stage comes before the one that unlocks", async () => {
  const [root, below] = [stage("lvm", "vg/a"), stage("crypt", "/dev/vda2", "pv0")];
  const { runner, add } = machine([root, below], [disk("/dev/vda2")], {
    lvm: async (ctx) => (await ctx.volumes.findLogical(ctx.realroot.device)).name,
    crypt: async () => {
      add(logical("vg", "a"));
      return "/dev/mapper/pv0";
    },
  });
  await expect(runner.serve(root)).resolves.toBe("vg/a");
});

test("while the first stage's disk is late, a later stage that waits for it is not begun", async () => {
  const [below, root] = [stage("crypt", "/dev/vda2", "pv0"), stage("lvm", "vg/a")];
  const { runner, add } = machine([below, root], [], {
    crypt: async (ctx) => {
      await ctx.volumes.find(ctx.realroot.device);
      add(logical("vg", "a"));
      return "/dev/mapper/pv0";
    },
    lvm: async (ctx) => (await ctx.volumes.findLogical(ctx.realroot.device)).name,
  }, 2000);
  setTimeout(() => add(disk("/dev/vda2")), 20);
  await expect(runner.serve(below)).resolves.toBe("/dev/mapper/pv0");
  await expect(runner.serve(root)).resolves.toBe("vg/a");
});

test("the time that a person takes for the stage below does not count", async () => {
  const [root, below] = [stage("lvm", "vg/a"), stage("crypt", "/dev/vda2", "pv0")];
  const { runner, add } = machine([root, below], [disk("/dev/vda2")], {
    lvm: async (ctx) => (await ctx.volumes.findLogical(ctx.realroot.device)).name,
    crypt: async () => {
      await new Promise((resolve) => setTimeout(resolve, 3000)); // thrice the timeout
      setTimeout(() => add(logical("vg", "a")), 20); // its second disk is late
      return "/dev/mapper/pv0";
    },
  }, 1000);
  await expect(runner.serve(root)).resolves.toBe("vg/a");
});

test("a clock that is set while a device is waited for changes nothing", async () => {
  const { volumesFor, add } = machine([], [], {}, 2000);
  let jump = 0;
  const now = vi.spyOn(Date, "now").mockImplementation(() => (jump += 3_600_000));
  setTimeout(() => add(disk("/dev/vda")), 20);
  await expect(volumesFor([]).find("/dev/vda")).resolves.toMatchObject({ path: "/dev/vda" });
  now.mockRestore();
});

test("with no time to wait there is one look", async () => {
  await expect(machine([], [disk("/dev/vda")], {}, 0).volumesFor([]).find("/dev/vda")).resolves.toMatchObject({ path: "/dev/vda" });
  await expect(machine([], [], {}, 0).volumesFor([]).find("/dev/vda")).rejects.toThrow(/waiting 0 s for a device on \/dev\/vda: it did not appear/);
});

test.each([["backup", /next: the GPT of \/dev\/vda is damaged, .*the word gpt on the kernel command line/], ["primary", /next: check the name/]] as const)("a partition that only we see, by the %s of a GPT: the hint", async (usedCopy, hint) => {
  const volumes: Volume[] = [
    { name: "/dev/vda", path: "/dev/vda", layer: "disk", sizeBytes: 2 ** 30, table: { type: "gpt", uuid: "t", usedCopy, logicalBlockBytes: 512 } },
    { name: "/dev/vda:1", layer: "partition", sizeBytes: 2 ** 20, parent: "/dev/vda", partition: { number: 1, startBytes: 2 ** 20, partUuid: "p1" }, content: { type: "ext4", uuid: "abc" } },
  ];
  await expect(machine([], volumes, {}, 0).volumesFor([]).find("UUID=abc")).rejects.toThrow(hint);
});

const btrfs = (path: string, id: number, count = 2) => disk(path, { content: { type: "btrfs", uuid: "fs", label: "pool", member: { uuid: `member-${id}`, id, count } } });

test("the devices of one btrfs are one thing to look for, and all of them are waited for", async () => {
  const { volumesFor, add, shown } = machine([], [btrfs("/dev/vda", 1)], {}, 3000);
  setTimeout(() => add(btrfs("/dev/vdb", 2)), 1200);
  const volumes = volumesFor([]);
  const members = await volumes.findMembers(await volumes.find("LABEL=pool"));
  expect(members.map(({ path }) => path)).toEqual(["/dev/vda", "/dev/vdb"]);
  await expect(volumes.find("LABEL=pool")).resolves.toMatchObject({ path: "/dev/vda" });
  expect(shown).toContainEqual(expect.stringMatching(/^Waiting for all of UUID=fs: \d s left$/));
});

test("a btrfs with a device missing is an error that shows those that are there, unless it may be partial", async () => {
  const volumes = machine([], [btrfs("/dev/vda", 1), btrfs("/dev/vdb", 3, 3)], {}).volumesFor([]);
  const volume = await volumes.find("/dev/vda");
  const three = { ...volume, content: { ...volume.content!, member: { uuid: "member-1", id: 1, count: 3 } } };
  await expect(volumes.findMembers(three)).rejects.toThrow(/all devices of a filesystem on UUID=fs: 2 of its 3: \n.*\/dev\/vda .*device 1\n.*\/dev\/vdb .*device 3\n {2}next: attach/);
  await expect(volumes.findMembers(three, { partial: true })).resolves.toHaveLength(2);
});

test("two copies of one device of a btrfs are refused", async () => {
  await expect(machine([], [btrfs("/dev/vda", 1), btrfs("/dev/vdb", 1)], {}).volumesFor([]).find("LABEL=pool")).rejects.toThrow(/2 that match/);
});

describe("md arrays", () => {
  const UUID = "a79de76e-c83c-2638-a8d6-d009426b58ec";
  const array = (more: Partial<ArrayRef> = {}, volume: Partial<Volume> = {}): Volume => ({
    name: "/dev/md/root", layer: "array", sizeBytes: 1 << 20, ...volume,
    md: { uuid: UUID, level: "raid1", metadata: "1.2", node: "/dev/md/root", active: volume.path !== undefined, devices: 2, failed: 0, missing: [], outdated: [], startable: true, members: ["/dev/vda"], ...more },
  });
  const ext4 = { type: "ext4", uuid: "abc" };
  const active = (content?: Volume["content"]) => array({}, { path: "/dev/md127", ...(content === undefined ? {} : { content }) });

  test("a mirror is assembled when the filesystem that is on it is wanted, by the stage that names it", async () => {
    const named = { ...stage("md", `UUID=${UUID}`), options: { degraded: "3" } };
    const served: Stage[] = [];
    const { volumesFor, volumes } = machine([named], [array({}, { content: ext4 })], {
      md: async ({ realroot }) => {
        served.push(realroot);
        volumes[0] = active(ext4);
        return "/dev/md127";
      },
    });
    await expect(volumesFor([]).find("UUID=abc")).resolves.toMatchObject({ path: "/dev/md127" });
    expect(served).toEqual([named]);
  });

  test("a whole array that can't be looked into is assembled when what is wanted is nowhere else", async () => {
    const { volumesFor, volumes } = machine([], [array({ level: "raid5" })], { md: async () => ((volumes[0] = active(ext4)), "/dev/md127") }, 2000);
    await expect(volumesFor([]).find("UUID=abc")).resolves.toMatchObject({ path: "/dev/md127" });
  });

  test("one that holds something else, or lacks a member, is left alone", async () => {
    const volumes = [array({}, { content: { type: "ext4", uuid: "other" } }), array({ uuid: UUID.replace("a", "b"), missing: [1] })];
    await expect(machine([], volumes, {}).volumesFor([]).find("UUID=abc")).rejects.toThrow(/it did not appear/);
  });

  test("one that can't be assembled is no reason not to find the rest", async () => {
    const { volumesFor, add } = machine([], [array({ level: "raid0" })], { md: () => Promise.reject(new Error("no mdadm")) }, 2000);
    setTimeout(() => add(disk("/dev/vdc")), 20);
    await expect(volumesFor([]).find("/dev/vdc")).resolves.toMatchObject({ path: "/dev/vdc" });
  });

  test("findArray gives one that lacks a member only after the time that it was told, and only if it can be started", async () => {
    const { volumesFor } = machine([], [array({ missing: [1] })], {});
    const startedMs = performance.now();
    await expect(volumesFor([]).findArray(`UUID=${UUID}`, { afterMs: 100 })).resolves.toMatchObject({ md: { missing: [1] } });
    expect(performance.now() - startedMs).toBeGreaterThanOrEqual(99);
    await expect(volumesFor([]).findArray(`UUID=${UUID}`)).rejects.toThrow(/waiting 0\.05 s for the members of the array on \/dev\/md\/root \(raid1, [^]*member 2 of 2 is missing; there is \/dev\/vda[^]*degraded=ask/);
    await expect(volumesFor([]).findArray(`UUID=${UUID}`, {})).resolves.toMatchObject({ md: { missing: [1] } });
    const never = machine([], [array({ level: "raid0", missing: [1], startable: false })], {}).volumesFor([]);
    await expect(never.findArray("/dev/md/root", { afterMs: 0 })).rejects.toThrow(/without it the array can't be read/);
  });

  test("what lies on a mirror that lacks a member is not found, and the mirror is named", async () => {
    const volumes = [array({ missing: [1] }, { content: ext4 })];
    await expect(machine([], volumes, {}).volumesFor([]).find("UUID=abc")).rejects.toThrow(/members of the array on \/dev\/md\/root \(raid1, [^]*member 2 of 2 is missing/);
  });

  test("an array that lacks a member and can't be looked into is a hint", async () => {
    const volumes = [array({ level: "raid5", missing: [1] })];
    await expect(machine([], volumes, {}).volumesFor([]).find("UUID=abc")).rejects.toThrow(/it did not appear[^]*next: \/dev\/md\/root was not assembled: member 2 of 2 is missing/);
  });

  test("a filesystem on an array that lacks a member says which array that is, where the array was named", async () => {
    await expect(machine([], [array({ missing: [0] })], {}).volumesFor([]).find("/dev/md/root")).rejects.toThrow(/member 1 of 2 is missing/);
  });
});
