import { createWriteStream } from "node:fs";
import { extname, join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { MkinitrdError } from "../src/core/errors.ts";
import { archiveBytes } from "../src/host/layers/archive.ts";
import { readModuleIndex } from "../src/host/plan/module-index.ts";
import { findProgram } from "../src/host/plan/programs.ts";
import { openSysroot } from "../src/host/plan/sysroot.ts";
import type { Decompress, Entry } from "../src/host/plan/types.ts";
import type { VmKernel } from "../src/host/qemu/vm-kernel.ts";

const COMPRESSIONS: Record<string, Decompress | undefined> = { ".xz": "xz", ".zst": "zstd", ".gz": "gzip" };

const INIT = `#!/bin/busybox sh
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev
mount -t tmpfs -o mode=0755 run /run
while read -r module; do insmod "/modules/$module.ko" 2>/dev/null; done </modules/order
until [ -b "$root_device" ]; do usleep 10000; done
mount -t ext4 -o ro "$root_device" /new_root
for directory in dev proc sys run; do mount --move /$directory /new_root/$directory; done
exec switch_root /new_root /sbin/init
`;

/**
 * Writes the least initrd that boots an ext4 root: busybox, and the modules in the order in which they are loaded. Its init
 * takes the root's device from the word root_device= of the kernel command line.
 */
export async function writeBaseline(file: string, modules: string[], { release, modulesDirectory }: VmKernel): Promise<void> {
  const busybox = findProgram(openSysroot("/"), "busybox");
  if (busybox === undefined) throw new MkinitrdError({ tried: "making the baseline initrd", on: "this machine", found: "it has no busybox", next: "npm run setup" });
  const index = readModuleIndex(join(modulesDirectory, release), release);
  const reason = "the baseline";
  const directories = ["bin", "dev", "modules", "new_root", "proc", "run", "sys"];
  const programs = ["sh", "mount", "insmod", "usleep", "switch_root"];
  const text = (path: string, content: string, mode: number): Entry => ({ type: "file", path, mode, reason, from: { bytes: Buffer.from(content) } });
  const entries: Entry[] = [
    ...directories.map((path): Entry => ({ type: "directory", path, mode: 0o755, reason })),
    { type: "file", path: "bin/busybox", mode: 0o755, reason, from: { file: busybox.file } },
    ...programs.map((name): Entry => ({ type: "link", path: `bin/${name}`, target: "busybox", mode: 0o777, reason })),
    text("init", INIT, 0o755),
    text("modules/order", modules.map((name) => `${name}\n`).join(""), 0o644),
    ...modules.map((name): Entry => {
      const found = index.modules.get(name);
      if (found === undefined) throw new MkinitrdError({ tried: `finding the module ${name}`, on: index.directory, found: "modules.dep does not list it" });
      const decompress = COMPRESSIONS[extname(found.path)];
      const source = join(index.directory, found.path);
      return { type: "file", path: `modules/${name}.ko`, mode: 0o644, reason, from: decompress === undefined ? { file: source } : { file: source, decompress } };
    }),
  ];
  await pipeline(Readable.from(archiveBytes({ name: "site", entries }, 0)), createWriteStream(file, { mode: 0o600 }));
}
