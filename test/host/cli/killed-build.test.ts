import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { packageRoot } from "../../../src/host/package-root.ts";
import { bundle } from "../../../tools/bundle.js";
import { findTestKernel } from "../plan/kernel.ts";

const hasBusybox = spawnSync("busybox", ["true"]).status === 0;
const kernel = findTestKernel();
const ROUNDS = 20;
const ROOTS = ["local:ext4:/dev/vda1", "local:ext4:/dev/vda2"];

describe.skipIf(!hasBusybox || kernel === undefined)("a build that is killed (skipped where busybox is missing, or the cache has no kernel)", () => {
  let folder: string;
  let image: string;
  beforeAll(async () => {
    await bundle();
    folder = mkdtempSync(join(tmpdir(), "killed-build-"));
    mkdirSync(join(folder, "boot"));
    image = join(folder, "boot/initrd.img");
    writeFileSync(join(folder, "config.yaml"), `modules-directory: ${kernel?.root}/lib/modules\nmodules: none\nrealroots: [local]\ncompression: none\noutput: boot/initrd.img\n`);
  }, 60_000);
  afterAll(() => {
    rmSync(folder, { recursive: true });
    if (kernel !== undefined) rmSync(kernel.root, { recursive: true });
  });

  test(`at ${ROUNDS} random moments leaves the old image or the new one, whole`, async () => {
    const began = Date.now();
    await build(ROOTS[0]!, "cache").ended;
    const whole = [hash()];
    await build(ROOTS[1]!, "cache").ended;
    whole.push(hash());
    expect(whole[0]).not.toBe(whole[1]);
    const longest = (Date.now() - began) / 2;
    let killed = 0;
    for (let round = 0; round < ROUNDS; round++) {
      // Every fourth one builds its layers, too; every second one is killed when it has begun to write the image.
      const running = build(ROOTS[round % 2]!, round % 4 === 3 ? `cache-${round}` : "cache");
      if (round % 2 === 0) while (!running.hasEnded() && readdirSync(join(folder, "boot")).every((name) => !name.includes(`.${running.pid}.`))) await sleep(1);
      await sleep(round % 2 === 0 ? Math.random() * 40 : Math.random() * longest);
      running.kill();
      if ((await running.ended) === "SIGKILL") killed++;
      expect(whole).toContain(hash());
    }
    expect(killed).toBeGreaterThan(ROUNDS / 4);
    await build(ROOTS[0]!, "cache").ended;
    expect(hash()).toBe(whole[0]);
    expect(readdirSync(join(folder, "boot"))).toEqual(["initrd.img"]); // what the killed ones left is gone
  }, 300_000);

  function hash(): string {
    expect(existsSync(image)).toBe(true);
    return createHash("sha256").update(readFileSync(image)).digest("hex");
  }

  /** The command as a person starts it. */
  function build(root: string, cache: string) {
    const child = spawn(process.execPath, [join(packageRoot(), "dist/host/mkinitrd.js"), "build", "-c", join(folder, "config.yaml"), "--realroot", root], { stdio: "ignore", env: { ...process.env, MKINITRD_CACHE: join(folder, cache) } });
    let end: number | string | undefined;
    const ended = new Promise<number | string>((resolve) => child.once("close", (code, signal) => resolve((end = signal ?? code ?? 0))));
    return { pid: child.pid, ended, hasEnded: () => end !== undefined, kill: () => child.kill("SIGKILL") };
  }
});
