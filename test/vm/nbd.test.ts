import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createConnection, createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { packageRoot } from "../../src/host/package-root.ts";
import { bootRecipe, describeVm, vmImage } from "./boot-helper.ts";
import { vmDisk } from "./disks.ts";

const SCRIPT = join(packageRoot(), "docs/examples/nbd/nbd.ts");

describeVm("the kind of root of docs/examples/nbd", () => {
  test("boots a root that qemu-nbd serves, beside a step that imports packages; without the server the error names it, and a retry finds it", async () => {
    const { files: [disk = ""] } = await vmDisk("local-ext4");
    const port = await freePort();
    const image = await vmImage({ scripts: [SCRIPT, stepOfMany()], realroots: ["local"] });
    const guest = await bootRecipe("local-ext4", { image, network: true, absent: [0], realroot: `nbd:ext4:10.0.2.2/root:port=${port},mount.noatime`, answers: {} });
    await guest.waitFor("twice 127 is 0x000000fe");
    await guest.waitFor(new RegExp(`attaching the network block device on 10\\.0\\.2\\.2:${port}/root: [^]*refused`));
    await guest.waitFor("Choose:");
    await serve(disk, port);
    guest.type("r");
    expect(await guest.waitFor(/REALROOT .*\n/)).toMatch(/root=\/dev\/nbd0:ext4:ro /);
    expect(await guest.waitFor(/REALROOT-SETTLED .*\n/)).toMatch(/survivors=0: missing=$/m);
  });
}, ["qemu-nbd", "nbd-client"]);

/** A directory with a boot step that is bundled: from a package of npm, a file of its own and mkinitrd/rc. */
function stepOfMany(): string {
  const directory = mkdtempSync(join(tmpdir(), "mkinitrd-step-"));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  const files = {
    "rc.local/many.ts": '// REQUIRE: devices\n// BEFORE: unlock\nimport { twice } from "twice";\nimport { type Context, hex32 } from "mkinitrd/rc";\nimport { name } from "./lib/name.ts";\n'
      + "export default async function run(ctx: Context): Promise<void> {\n  ctx.log.step(`${name} 127 is ${hex32(twice(127))}`);\n}\n",
    "rc.local/lib/name.ts": 'export const name: string = process.env["NAME"] ?? "twice";\n',
    "node_modules/twice/package.json": '{"name":"twice","version":"1.0.0"}',
    "node_modules/twice/index.js": "exports.twice = (number) => number * 2;\n",
  };
  for (const [file, text] of Object.entries(files)) {
    mkdirSync(dirname(join(directory, file)), { recursive: true });
    writeFileSync(join(directory, file), text);
  }
  return join(directory, "rc.local");
}

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
