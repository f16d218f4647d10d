// Runs /etc/job.sh, in a directory whose files go as a tar archive to the disk with the serial OUT, and powers off.
// REQUIRE:   devices
// MODULES:   virtio_pci virtio_blk dm_mod dm_crypt xts ecb? cbc? essiv? sha256_generic? aes_generic? aesni_intel?
// MODULES:   dm_raid dm_mirror dm_snapshot dm_thin_pool dm_cache dm_cache_smq dm_verity dm_writecache? dm_integrity? loop? raid456? raid10? raid1? raid0?
// PROGRAMS:  busybox dmsetup lvm
// LIBRARIES: libgcc_s.so.1
import { readdirSync, readFileSync } from "node:fs";
import type { Context } from "../../../src/core/rc/types.ts";

const DEADLINE_MS = 30_000;
const SH = `
  busybox mkdir -p /tmp/bin /tmp/job && busybox --install -s /tmp/bin && cd /tmp/job
  for time in $(seq 300); do dmsetup version > /dev/null 2>&1 && break; sleep 0.1; done
  [ -b /dev/loop0 ] || { modprobe loop; sleep 1; }
  sh /etc/job.sh > log 2>&1; echo "exit code $?" >> log
  tar -cf "$OUT" . && sync`;

export default async function run(ctx: Context): Promise<void> {
  const { disks } = JSON.parse(readFileSync("/etc/job.json", "utf8")) as { disks: string[] };
  const nodes = await nodesBySerial(ctx, [...disks, "OUT"]);
  const links = disks.map((serial) => {
    const node = nodes.get(serial)!;
    return [[serial, node], ...[1, 2, 3, 4].map((number) => [`${serial}p${number}`, `${node}${number}`])].map(([name, to]) => `busybox ln -s ${to} /dev/${name}`).join(";");
  });
  await ctx.exec("busybox", ["sh", "-c", `${links.join(";")}\n${SH}`], { env: { PATH: "/tmp/bin:/usr/sbin:/usr/bin", DM_DISABLE_UDEV: "1", OUT: nodes.get("OUT")!, DISKS: disks.join(" ") } });
  ctx.log.step("JOB-DONE");
  await ctx.exec("busybox", ["poweroff", "-f"]);
}

/** A name like /dev/vdb is the kernel's choice. */
async function nodesBySerial(ctx: Context, wanted: string[]): Promise<Map<string, string>> {
  for (const end = Date.now() + DEADLINE_MS; ; await new Promise((resolve) => setTimeout(resolve, 20))) {
    const found = new Map(readdirSync("/sys/block").filter((name) => name.startsWith("vd")).map((name) => [readFileSync(`/sys/block/${name}/serial`, "utf8").trim(), `/dev/${name}`]));
    if (wanted.every((serial) => found.has(serial))) return found;
    if (Date.now() > end) throw ctx.failure({ tried: "waiting for disks", on: wanted.join(", "), found: [...found.keys()].join(", ") });
  }
}
