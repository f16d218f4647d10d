import { setTimeout as pause } from "node:timers/promises";
import { afterEach, expect, test } from "vitest";
import { createDevices, type DeviceMachine, type DeviceWatch } from "../../src/boot/devices.ts";
import { ExecError } from "../../src/core/exec.ts";

const started: DeviceWatch[] = [];
afterEach(async () => {
  for (const devices of started.splice(0)) await devices.stop();
  process.removeAllListeners("SIGUSR2");
});

/** A machine with these modaliases; `onModprobe` may bring more. Its listener runs until it is cancelled, unless another is given. */
function machine(options: Partial<DeviceMachine> & { onModprobe?(aliases: string[], all: Set<string>): Promise<void> | void; listener?(): Promise<never> } = {}) {
  const aliases = new Set<string>();
  const ran: string[] = [];
  const told: string[] = [];
  let looks = 0;
  let changed = () => {};
  const log = { step() {}, warn: (text: string) => void told.push(text), debug: (text: string) => void told.push(text), mark() {} };
  const devices = createDevices(log, {
    async exec(program, args, { cancel } = {}) {
      ran.push([program, ...args].join(" "));
      if (program === "modprobe") await options.onModprobe?.(args.slice(1), aliases);
      else if (options.listener !== undefined) await options.listener();
      else await new Promise((_, reject) => cancel?.addEventListener("abort", () => reject(new Error("aborted"))));
      return { stdout: "", stderr: "", exitCode: 0 };
    },
    listModaliases: () => (looks++, [...aliases]),
    isBusGrowing: () => false,
    watchNodes(callback) {
      changed = callback;
      return () => {};
    },
    ...options,
  });
  started.push(devices);
  return { devices, aliases, ran, told, looks: () => looks, changed: () => changed() };
}

const modprobes = (ran: string[]) => ran.filter((line) => line.startsWith("modprobe"));

test("drivers are loaded until no bus has anything new, each alias once", async () => {
  const { devices, aliases, ran } = machine({ onModprobe: (loaded, all) => void (loaded.includes("pci:a") && all.add("virtio:b")) });
  aliases.add("pci:a");
  await devices.start();
  await expect.poll(() => modprobes(ran)).toEqual(["modprobe -abq pci:a", "modprobe -abq virtio:b"]);
});

test("disks keep their numbers: no driver of theirs is loaded while their bus is still filled", async () => {
  let growing = false;
  const { devices, ran } = machine({ isBusGrowing: () => growing, listModaliases: () => (growing = true, ["virtio:first"]) });
  await devices.start();
  await pause(30);
  expect(modprobes(ran)).toEqual([]);
  growing = false;
  await expect.poll(() => modprobes(ran)).toEqual(["modprobe -abq virtio:first"]);
});

test("a driver of a bus that hangs keeps nobody waiting at the end", async () => {
  const { devices } = machine({ isBusGrowing: () => true });
  await devices.start();
  await devices.stop();
  expect(devices.settled).toBe(true);
});

test("it has settled when the first drivers are in, and says so", async () => {
  let load = () => {};
  const { devices, aliases } = machine({ onModprobe: () => new Promise<void>((resolve) => (load = resolve)) });
  aliases.add("pci:a");
  await devices.start();
  await pause(5);
  expect(devices.settled).toBe(false);
  const { generation } = devices;
  load();
  await devices.changed(generation, 10_000);
  await expect.poll(() => devices.settled).toBe(true);
});

test("what came before the listener listens is found by the look behind its start", async () => {
  const { devices, aliases, ran } = machine({ onModprobe: () => {} });
  await devices.start();
  aliases.add("usb:late");
  await expect.poll(() => ran).toEqual([expect.stringMatching(/^uevent kill -USR2 \d+$/), "modprobe -abq usb:late"]);
});

test("a new node in /dev, and a kernel event, wake who waits", async () => {
  const { devices, changed } = machine();
  await devices.start();
  const { generation } = devices;
  setTimeout(changed, 5);
  await devices.changed(generation, 10_000);
  const next = devices.generation;
  setTimeout(() => process.kill(process.pid, "SIGUSR2"), 5);
  await devices.changed(next, 10_000);
  expect(devices.generation).toBeGreaterThan(next);
});

test("a change between the look and the wait is not lost, and a wait ends by itself", async () => {
  const { devices, changed } = machine();
  await devices.start();
  const { generation } = devices;
  changed();
  await expect.poll(() => devices.generation).toBeGreaterThan(generation);
  await devices.changed(generation, 3_600_000);
  await devices.changed(devices.generation, 10);
  await devices.changed(devices.generation, 0);
});

test("a thousand events at once cost few looks at /sys", async () => {
  const { devices, looks } = machine();
  await devices.start();
  await pause(20);
  const before = looks();
  for (let event = 0; event < 1000; event++) process.emit("SIGUSR2");
  await pause(60);
  expect(looks() - before).toBeLessThan(5);
});

test("a listener that can't be started is tried ever more rarely, and told of once", async () => {
  const { devices, ran, told } = machine({ listener: () => Promise.reject(new ExecError("uevent", [], { code: "ENOENT" })) });
  await devices.start();
  await pause(700);
  expect(ran.filter((line) => line.startsWith("uevent")).length).toBeLessThanOrEqual(3);
  expect(told).toEqual([expect.stringMatching(/listener ended and is started again: .*no such program/)]);
});

test("without inotify the boot goes on", async () => {
  const { devices, told } = machine({ watchNodes: () => { throw new Error("ENOSPC"); } });
  await devices.start();
  expect(told).toEqual([expect.stringMatching(/watching \/dev: Error: ENOSPC/)]);
});

test("a modprobe that fails is a warning, and the next drivers are loaded all the same", async () => {
  const { devices, aliases, ran, told } = machine({ onModprobe: (loaded) => (loaded.includes("pci:bad") ? Promise.reject(new Error("killed")) : undefined) });
  aliases.add("pci:bad");
  await devices.start();
  await expect.poll(() => told).toEqual(["Error: killed"]);
  aliases.add("pci:good");
  process.emit("SIGUSR2");
  await expect.poll(() => modprobes(ran)).toContain("modprobe -abq pci:good");
});

test("stop waits for the drivers that are being loaded, and for no more of them", async () => {
  const { devices, aliases, ran } = machine({ onModprobe: async (_, all) => { await pause(30); all.add("more"); } });
  aliases.add("pci:a");
  await devices.start();
  await pause(5);
  await devices.stop();
  expect(modprobes(ran)).toEqual(["modprobe -abq pci:a"]);
});
