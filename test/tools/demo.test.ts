import { spawn } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { bundle } from "../../tools/bundle.js";

const DEMO = join(import.meta.dirname, "../../tools/demo.js");

test.each(["SIGINT", "SIGTERM"] as const)("a demo that %s ends leaves nothing behind", async (signal) => {
  await bundle();
  const directory = mkdtempSync(join(tmpdir(), "demo-"));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  const child = spawn(process.execPath, [DEMO], { env: { ...process.env, TMPDIR: directory, MKINITRD_CACHE: join(directory, "cache") }, stdio: ["ignore", "pipe", "pipe"] });
  await new Promise((resolve) => child.stderr.once("data", resolve)); // the build's first word
  child.kill(signal);
  expect(await new Promise((resolve) => child.once("exit", resolve))).toBe(signal === "SIGINT" ? 130 : 143);
  expect(readdirSync(directory).filter((name) => name !== "cache")).toEqual([]);
});
