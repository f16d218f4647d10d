import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { expect, onTestFinished, test } from "vitest";
import { findProgram } from "../../tools/packages.js";
import { cacheDirectory } from "../../src/host/cache.ts";
import { contentOf, openImage } from "../../src/host/image/open.ts";
import type { ImageNode } from "../../src/host/image/tree-types.ts";
import { chooseAccelerator } from "../../src/host/qemu/accelerator.ts";
import { startGuest } from "../../src/host/qemu/guest.ts";
import { kernelCommandLine } from "../../src/host/qemu/machine.ts";
import { findVmKernel } from "../../src/host/qemu/vm-kernel.ts";
import { cpio, directory, DIRECTORY, file, FILE, link, NODE } from "../host/image/cpio.ts";
import { describeVm } from "./boot-helper.ts";

/** Prints what the kernel made of the image: a line for each path, files of the same inode number with it, content as MD5. */
const INIT = `#!/bin/busybox sh
find / -xdev | sort | while read -r path; do
  sum=; target=
  if [ -L "$path" ]; then target=$(readlink "$path"); elif [ -f "$path" ]; then sum=$(md5sum < "$path"); fi
  echo "@ $(stat -c '%n|%f|%u:%g|%s|%t:%T|%i' "$path")|$target|\${sum%% *}"
done
echo "@ DONE"
poweroff -f
`;

const hard = (name: string, inode: number, content = "", more = {}) => file(name, content, { inode, links: 2, ...more });

/** Archives that replace one another's entries in every way that comes to mind. */
function archives(busybox: Buffer): Buffer[] {
  return [
    cpio(
      directory("."), directory("dev"), { name: "dev/console", mode: NODE | 0o600, major: 5, minor: 1 }, directory("bin"), { name: "bin/busybox", mode: FILE | 0o755, content: busybox },
      ...["sh", "find", "sort", "stat", "md5sum", "readlink", "poweroff"].map((applet) => link(`bin/${applet}`, "busybox")), file("init", INIT, { mode: FILE | 0o755 }),
      directory("usr"), directory("usr/lib"), link("lib", "usr/lib"), file("lib/one", "through a link"), link("up", "../../usr"), link("abs", "/usr"), link("out", "/nowhere"),
      hard("h1", 901), hard("h2", 901, "content of both"), directory("d"), file("d/x", "kept"), directory("e"), file("f", "a long first content"), link("l", "f"), link("dl", "usr"),
      file("su", "", { mode: FILE | 0o6755, uid: 5, gid: 6 }), directory("mode", { mode: DIRECTORY | 0o755 }), directory("sticky", { mode: DIRECTORY | 0o1777, uid: 1 }),
    ),
    gzipSync(cpio(
      file("f", "short"), file("./usr//lib/one", "replaced"), file("d", "not in place of a directory that holds something"), file("e", "in place of an empty one"), file("l", "in place of a link"),
      directory("dl"), file("dl/x", "in place of a link to a directory"), file("up/lib/two", "above the root is the root"), file("abs/lib/three", "absolute link"), file("out/four", "nowhere"),
      file("no/parents/five", "dropped"), file("/six", "absolute"), file("usr/../seven", "dots"), file("d/x/eight", "below a file"), directory("mode", { mode: DIRECTORY | 0o700, uid: 9 }),
      hard("self", 902, "gone"), hard("self", 902), hard("h3", 901, "not h1: another archive"), hard("a1", 903, "first"), hard("a2", 903, "second, longer"), hard("a3", 903, "3"), hard("h2", 904, "", { mode: FILE | 0o600 }), hard("h5", 904),
      { name: "pipe", mode: 0o010640, uid: 3 }, { name: "blk", mode: 0o060660, major: 8, minor: 17 }, hard("b1", 905, "x"), link("b1", "usr"), hard("b2", 905, "y"),
      { name: "odd", mode: 0o000644, content: "of no type" }, file("last", "the end"),
    )),
    Buffer.alloc(512),
    cpio(file("last", "the very end", { mode: FILE | 0o400 }), link("f2", "f"), link("f2", "last")),
  ];
}

describeVm("several archives of one image, unpacked by the kernel", () => {
  test("are the tree that ls, cat and extract show", async () => {
    const folder = mkdtempSync(join(tmpdir(), "kernel-unpack-"));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const image = join(folder, "initrd.img");
    writeFileSync(image, aligned(archives(readFileSync(findProgram("busybox") ?? ""))));
    const kernel = findVmKernel().image;
    const guest = startGuest({
      kernel, initrd: image, append: kernelCommandLine("loglevel=3"), accelerator: await chooseAccelerator(kernel, cacheDirectory()), memoryMiB: 256, smp: 1, console: "ttyS0", disks: [],
    });
    onTestFinished(() => guest.end());
    await guest.waitFor("@ DONE");
    const theirs = grouped(guest.log().split(/\r?\n/).flatMap((line) => /^@ \/(.*\|.*)$/.exec(line)?.[1] ?? []));
    const { tree } = await openImage(image);
    const dropped = tree.nodes.filter(({ implied }) => implied === true).map(({ path }) => `${path}/`); // shown, with a warning
    const ours = grouped(await Promise.all(tree.nodes.filter(({ path }) => dropped.every((each) => !`${path}/`.startsWith(each))).map(lineOf)));
    expect(dropped).toEqual(["no/", "no/parents/"]);
    expect(ours).toEqual(theirs.filter((line) => !line.startsWith("root|"))); // a directory of the kernel's own
    expect(theirs.length).toBeGreaterThan(30);
  });
}, ["busybox"]);

/** Each begins at a multiple of four bytes. */
function aligned(pieces: Buffer[]): Buffer {
  return Buffer.concat(pieces.flatMap((piece) => [piece, Buffer.alloc(-piece.length & 3)]));
}

const TYPE_BITS: Record<ImageNode["type"], number> = { file: FILE, directory: DIRECTORY, link: 0o120000, node: NODE, block: 0o060000, pipe: 0o010000, socket: 0o140000 };

async function lineOf(node: ImageNode): Promise<string> {
  const { path, type, mode, uid, gid, sizeBytes, major = 0, minor = 0, target = "", paths } = node;
  const sum = type === "file" ? createHash("md5").update(await contentOf(node)).digest("hex") : "";
  const number = [...paths].sort()[0];
  return [path === "." ? "" : path, (TYPE_BITS[type] | mode).toString(16), `${uid}:${gid}`, sizeBytes, `${major.toString(16)}:${minor.toString(16)}`, number, target, sum].join("|");
}

/** The inode number as the first path that has it; no sizes of directories; sorted. */
function grouped(lines: string[]): string[] {
  const first = new Map<string, string>();
  return lines.sort().map((line) => {
    const [path = "", mode = "", owner, size, device, inode = "", ...rest] = line.split("|");
    if (!first.has(inode)) first.set(inode, path);
    return [path, mode, owner, mode.startsWith("4") ? "" : size, device, first.get(inode), ...rest].join("|");
  });
}
