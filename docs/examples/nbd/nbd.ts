// A root on a network block device: realroot=nbd:FSTYPE:HOST/EXPORT[:OPTIONS]
//
// KEYWORD:  nbd
// FIELDS:   address options
// OPTIONS:  port interface ip gateway timeout
// MODULES:  nbd virtio_net? vmxnet3? hv_netvsc? ena? e1000? e1000e? igb? igc? ixgbe? i40e? r8169? tg3? bnxt_en? mlx5_core? usbnet? cdc_ether?
// PROGRAMS: nbd-client busybox
import { mkdir, rm, writeFile } from "node:fs/promises";
import { isIP, isIPv4 } from "node:net";
import { tmpdir } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import type { Context } from "mkinitrd/rc";

const NBD_PORT = 10809; // IANA
const WAIT_SECONDS = 30;
const LOOK_EVERY_MS = 200;
/** nbd-client(8), -check: 1 where nothing is attached. */
const FREE = 1;
const DEVICES = Array.from({ length: 16 }, (_, number) => `/dev/nbd${number}`); // the module's nbds_max

/** Brings up the network and attaches HOST/EXPORT, to the first /dev/nbdN that is free. */
export default async function run(ctx: Context): Promise<string> {
  const options = readOptions(ctx);
  const link = await findInterface(ctx, options);
  await ctx.exec("ip", ["link", "set", link, "up"]);
  const { ip, gateway } = options.ip === undefined ? await askDhcp(ctx, link) : { ip: options.ip, gateway: options.gateway };
  await ctx.exec("ip", ["addr", "replace", ip, "dev", link]);
  if (gateway !== undefined) await ctx.exec("ip", ["route", "replace", "default", "via", gateway, "dev", link]);
  ctx.log.step(`${link} has ${ip}`);
  return attach(ctx, options);
}

interface Options {
  host: string;
  export: string;
  port: number;
  interface?: string;
  /** With the length of the network's prefix: `10.0.2.15/24`. */
  ip?: string;
  gateway?: string;
  timeoutMs: number;
}

function readOptions(ctx: Context): Options {
  const { device, options } = ctx.realroot;
  const [, host = "", name = ""] = /^([^/]*)\/(.+)$/.exec(device) ?? [];
  const wrong = (found: string, next: string) => ctx.failure({ tried: "reading the realroot", on: `nbd:${device}`, found, next });
  const text = (key: string) => (typeof options[key] === "string" ? options[key] : undefined);
  if (isIP(host) === 0) throw wrong(`${JSON.stringify(host)} is no IP address`, "write nbd:FSTYPE:IP-ADDRESS/EXPORT: names are not known before the root is there; a colon is %3A");
  const port = Number(text("port") ?? NBD_PORT);
  if (!Number.isInteger(port) || port < 1 || port > 65535) throw wrong(`the port is ${text("port")}`, "a port is a number from 1 to 65535");
  const [ip, gateway, link] = [text("ip"), text("gateway"), text("interface")];
  const [address = "", prefix = ""] = ip?.split("/") ?? [];
  if (ip !== undefined && (isIP(address) === 0 || !/^\d{1,3}$/.test(prefix))) throw wrong(`ip is ${ip}`, "write an address and the length of its network's prefix: ip=10.0.2.15/24");
  if (gateway !== undefined && isIP(gateway) === 0) throw wrong(`gateway is ${gateway}`, "write its IP address");
  if (link !== undefined && !/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,14}$/.test(link)) throw wrong(`interface is ${link}`, "write its name, as in eth0");
  const seconds = Number(text("timeout") ?? WAIT_SECONDS);
  if (!(seconds >= 0 && seconds <= 3600)) throw wrong(`timeout is ${text("timeout")}`, "write seconds, at most 3600");
  return { host, export: name, port, timeoutMs: seconds * 1000, ...(link && { interface: link }), ...(ip && { ip }), ...(gateway && { gateway }) };
}

/** Waits for the interface that is asked for, else for the first one that is no loopback: its driver may still be loading. */
async function findInterface(ctx: Context, { interface: wanted, timeoutMs }: Options): Promise<string> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const { stdout } = await ctx.exec("ip", ["-o", "link"]);
    const links = [...stdout.matchAll(/^\d+: ([^:@\s]+).*link\/ether/gm)].map(([, name = ""]) => name);
    const link = wanted === undefined ? links[0] : links.find((name) => name === wanted);
    if (link !== undefined) return link;
    if (Date.now() >= deadline) {
      throw ctx.failure({ tried: "waiting for the network", on: wanted ?? "any interface", found: links.length === 0 ? "there is no network card with a driver" : `there is only ${links.join(", ")}`,
        next: "add its driver to modules: in the configuration, or name another interface=" });
    }
    await sleep(LOOK_EVERY_MS);
  }
}

/** Asks for an address by DHCP; busybox's udhcpc tells a script what it got, which here only prints it. */
async function askDhcp(ctx: Context, link: string): Promise<{ ip: string; gateway?: string }> {
  const script = `${tmpdir()}/nbd-lease-${link}`;
  await mkdir(tmpdir(), { recursive: true });
  await writeFile(script, "#!/bin/sh\nset\n", { mode: 0o700 });
  try {
    const { stdout } = await ctx.exec("udhcpc", ["-f", "-q", "-n", "-t", "5", "-T", "2", "-i", link, "-s", script], { timeoutMs: 60_000 });
    const told = (key: string) => stdout.match(new RegExp(`^${key}='?([^'\\n ]*)`, "gm"))?.at(-1)?.replace(/^.*='?/, "") ?? "";
    if (!isIPv4(told("ip"))) throw ctx.failure({ tried: "asking for an address by DHCP", on: link, found: "an answer without one", next: "give one: ip=ADDRESS/PREFIX" });
    const prefix = /^\d{1,2}$/.test(told("mask")) ? told("mask") : "24";
    return { ip: `${told("ip")}/${prefix}`, ...(isIPv4(told("router")) && { gateway: told("router") }) };
  } finally {
    await rm(script, { force: true });
  }
}

async function attach(ctx: Context, options: Options): Promise<string> {
  for (const device of DEVICES) {
    const { exitCode } = await ctx.exec("nbd-client", ["-check", device], { accept: [FREE] });
    if (exitCode !== FREE) continue;
    try {
      await ctx.exec("nbd-client", [options.host, String(options.port), device, "-name", options.export], { timeoutMs: options.timeoutMs });
    } catch (cause) {
      const found = cause instanceof Error ? cause.message.split("\n")[0]! : String(cause);
      throw ctx.failure({ tried: "attaching the network block device", on: `${options.host}:${options.port}/${options.export}`, found, next: "see that it is served there, and nothing is in the way, then choose Retry", cause });
    }
    const volume = await ctx.volumes.find(device);
    ctx.log.step(`attached ${options.export} of ${options.host} as ${volume.path}`);
    return volume.path;
  }
  throw ctx.failure({ tried: "attaching the network block device", on: options.host, found: `all of ${DEVICES.length} devices are in use`, next: "nbd.nbds_max=N on the kernel command line makes more" });
}
