import assert from "node:assert/strict";
import { test } from "node:test";
import { createTestContext, stageOf, type TestContext, type TestContextOptions } from "mkinitrd/rc/test";
import run from "./nbd.ts";

const LINKS = "1: lo: <LOOPBACK> mtu 65536 link/loopback 00:00\n2: eth0: <BROADCAST> mtu 1500 link/ether 52:54\n3: eth1: <BROADCAST> link/ether 52:55\n";
const LEASE = "ip='10.9.9.9'\nmask='8'\nIFS=' \n'\nip='10.0.2.15'\nmask='24'\nrouter='10.0.2.2 10.0.2.3'\n"; // what an earlier event said comes first

/** A machine with two network cards, on which the first /dev/nbdN are in use. */
function machine(spec: string, { used = 0, lease = LEASE, ...options }: { used?: number; lease?: string } & TestContextOptions = {}): TestContext {
  return createTestContext({
    realroot: stageOf(new URL("nbd.ts", import.meta.url), spec),
    volumes: { "/dev/nbd0": {}, "/dev/nbd2": {} },
    programs: {
      ip: (args) => ({ stdout: args.includes("-o") ? LINKS : "" }),
      udhcpc: () => ({ stdout: lease }),
      "nbd-client": ([word, device]) => ({ exitCode: word === "-check" && Number(device?.replace("/dev/nbd", "")) >= used ? 1 : 0 }),
    },
    ...options,
  });
}

const steps = (ctx: TestContext) => ctx.recorded.filter((text) => !/-o link|-check|udhcpc/.test(text));

test("the first network card gets its address by DHCP, and the export becomes a device", async () => {
  const ctx = machine("nbd:ext4:10.0.2.2/root");
  assert.equal(await run(ctx), "/dev/nbd0");
  assert.deepEqual(steps(ctx), [
    "exec ip link set eth0 up",
    "exec ip addr replace 10.0.2.15/24 dev eth0",
    "exec ip route replace default via 10.0.2.2 dev eth0",
    "step eth0 has 10.0.2.15/24",
    "exec nbd-client 10.0.2.2 10809 /dev/nbd0 -name root",
    "step attached root of 10.0.2.2 as /dev/nbd0",
  ]);
});

test("options name the card, its address and the port; a device in use is left alone", async () => {
  const ctx = machine("nbd:ext4:fe80%3A%3A1/pool/root:port=1234,interface=eth1,ip=fe80%3A%3A2/64", { used: 2 });
  assert.equal(await run(ctx), "/dev/nbd2");
  assert.deepEqual(steps(ctx).slice(0, 4), ["exec ip link set eth1 up", "exec ip addr replace fe80::2/64 dev eth1", "step eth1 has fe80::2/64", "exec nbd-client fe80::1 1234 /dev/nbd2 -name pool/root"]);
  assert.ok(!ctx.calls.some(({ program }) => program === "udhcpc"));
});

for (const [spec, found] of [
  ["nbd:ext4:server/root", /"server" is no IP address/],
  ["nbd:ext4:10.0.2.2", /"" is no IP address/],
  ["nbd:ext4:10.0.2.2/root:port=70000", /the port is 70000/],
  ["nbd:ext4:10.0.2.2/root:ip=10.0.2.15", /ip is 10\.0\.2\.15\n {2}next: write an address and the length/],
  ["nbd:ext4:10.0.2.2/root:ip=10.0.2.15/24,gateway=-x", /gateway is -x/],
  ["nbd:ext4:10.0.2.2/root:interface=-h", /interface is -h/],
  ["nbd:ext4:10.0.2.2/root:timeout=soon", /timeout is soon/],
  ["nbd:ext4:10.0.2.2/root:interface=wlan0,timeout=0", /waiting for the network on wlan0: there is only eth0, eth1/],
] as const) {
  test(`${spec} is refused`, async () => {
    await assert.rejects(run(machine(spec)), found);
  });
}

test("what a DHCP server says is no argument of a program unless it is an address", async () => {
  await assert.rejects(run(machine("nbd:ext4:10.0.2.2/root", { lease: "ip='-evil'\nmask='24'\n" })), /asking for an address by DHCP on eth0: an answer without one/);
  const ctx = machine("nbd:ext4:10.0.2.2/root", { lease: "ip='10.0.2.15'\nmask='x'\nrouter='-evil'\n" });
  await run(ctx);
  assert.ok(!ctx.recorded.some((text) => text.includes("evil") || text.includes("route")));
});

test("a server that refuses is named, with what nbd-client says of it", async () => {
  const ctx = machine("nbd:ext4:10.0.2.2/root", { programs: { ip: () => ({ stdout: LINKS }), udhcpc: () => ({ stdout: LEASE }), "nbd-client": ([word]) => ({ exitCode: 1, stderr: word === "-check" ? "" : "Error: Socket failed: Connection refused" }) } });
  await assert.rejects(run(ctx), /attaching the network block device on 10\.0\.2\.2:10809\/root: .*Connection refused\n {2}next: see that it is served there/);
});
