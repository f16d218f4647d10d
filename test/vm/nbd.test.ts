import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { createConnection, createServer } from "node:net";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { packageRoot } from "../../src/host/package-root.ts";
import { bootRecipe, describeVm, vmImage } from "./boot-helper.ts";
import { vmDisk } from "./disks.ts";

const SCRIPT = join(packageRoot(), "docs/examples/nbd/nbd.ts");

describeVm("the kind of root of docs/examples/nbd", () => {
  test("boots a root that qemu-nbd serves; without the server the error names it, and a retry finds it", async () => {
    const { files: [disk = ""] } = await vmDisk("local-ext4");
    const port = await freePort();
    const image = await vmImage({ scripts: [SCRIPT], realroots: ["local", "nbd"] });
    const guest = await bootRecipe("local-ext4", { image, network: true, absent: [0], realroot: `nbd:ext4:10.0.2.2/root:port=${port},mount.noatime`, answers: {} });
    await guest.waitFor(new RegExp(`attaching the network block device on 10\\.0\\.2\\.2:${port}/root: [^]*refused`));
    await guest.waitFor("Choose:");
    await serve(disk, port);
    guest.type("r");
    expect(await guest.waitFor(/REALROOT .*\n/)).toMatch(/root=\/dev\/nbd0:ext4:ro /);
    expect(await guest.waitFor(/REALROOT-SETTLED .*\n/)).toMatch(/survivors=0: missing=$/m);
  });
}, ["qemu-nbd", "nbd-client"]);

/** Serves the root partition of a disk as the export `root`, on this machine's loopback; nothing is written to the disk. */
async function serve(disk: string, port: number): Promise<void> {
  const { partitiontable: { partitions, sectorsize } } = JSON.parse(execFileSync("sfdisk", ["--json", disk], { encoding: "utf8" })) as { partitiontable: { partitions: { start: number; size: number }[]; sectorsize: number } };
  const { start, size } = partitions[1]!;
  const options = `driver=raw,offset=${start * sectorsize},size=${size * sectorsize},file.driver=file,file.filename=${disk}`;
  const server = spawn("qemu-nbd", ["--read-only", "--persistent", "--bind=127.0.0.1", `--port=${port}`, "--export-name=root", "--image-opts", options], { stdio: "ignore" });
  onTestFinished(() => void server.kill());
  await listening(port, server);
}

async function listening(port: number, server: ChildProcess): Promise<void> {
  for (;;) {
    if (server.exitCode !== null) throw new Error(`qemu-nbd ended with exit code ${server.exitCode}`);
    const connected = await new Promise<boolean>((resolve) => {
      const socket = createConnection(port, "127.0.0.1", () => { socket.destroy(); resolve(true); }).on("error", () => resolve(false));
    });
    if (connected) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0));
    });
  });
}
