import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { createTestContext, stageOf } from "../../../src/core/rc/testing.ts";

test("programs do what the test says, by their names; others end well", async () => {
  const ctx = createTestContext({ programs: { opener: (args, input) => ({ stdout: `${args.join("+")}/${input?.toString()}`, exitCode: args.includes("bad") ? 4 : 0, stderr: "no luck" }) } });
  await expect(ctx.exec("opener", ["a", "b"], { input: Buffer.from("key") })).resolves.toMatchObject({ stdout: "a+b/key", exitCode: 0 });
  await expect(ctx.exec("opener", ["bad"])).rejects.toThrow(/exit code 4: no luck/);
  await expect(ctx.exec("opener", ["bad"], { accept: [4] })).resolves.toMatchObject({ exitCode: 4 });
  await expect(ctx.exec("constructor", [])).resolves.toEqual({ stdout: "", stderr: "", exitCode: 0 });
  expect(ctx.calls).toEqual([{ program: "opener", args: ["a", "b"], input: "key" }, { program: "opener", args: ["bad"] }, { program: "opener", args: ["bad"] }, { program: "constructor", args: [] }]);
});

test("what is logged is recorded with its level", () => {
  const ctx = createTestContext();
  ctx.log.step("one");
  ctx.log.warn("two");
  ctx.log.debug("three");
  expect(ctx.logged).toEqual([{ level: "step", text: "one" }, { level: "warn", text: "two" }, { level: "debug", text: "three" }]);
  expect(ctx.recorded).toEqual(["step one", "warn two"]);
});

test("a stage is read from a spec by the script's own header", () => {
  const directory = mkdtempSync(join(tmpdir(), "mkinitrd-stage-"));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  const script = join(directory, "net.ts");
  writeFileSync(script, "// KEYWORD: net\n// FIELDS: address options\n// OPTIONS: port\n");
  expect(stageOf(script, "net:ext4:host/root:port=3,mount.noatime")).toEqual({ kind: "net", fstype: "ext4", device: "host/root", options: { port: "3" }, mountOptions: ["noatime"] });
  expect(() => stageOf(script, "net:ext4:host/root:prot=3")).toThrow(/the option "prot" of kind net; known: port, mount\.\*\n  next: did you mean port\?/);
  expect(() => stageOf(script, "crypt:ext4:vda1")).toThrow(/the kind "crypt"; known: net/);
});
