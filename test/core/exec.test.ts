import { describe, expect, test } from "vitest";
import { exec as bootExec } from "../../src/boot/exec.ts";
import { exitCode } from "../../src/core/exec.ts";
import { exec as hostExec } from "../../src/host/exec.ts";

describe.each([
  { side: "the build machine", exec: hostExec },
  { side: "the image", exec: bootExec },
])("on $side", ({ exec }) => {
  test("gives what the program wrote", async () => {
    await expect(exec("sh", ["-c", "echo out; echo err >&2"])).resolves.toMatchObject({ exitCode: 0, stdout: expect.stringMatching(/^out\n?$/), stderr: expect.stringMatching(/^err\n?$/) });
  });

  test("the input reaches the program's standard input, to the byte", async () => {
    const input = Buffer.from([0, 255, 10, 13, 1]);
    await expect(exec("od", ["-An", "-tu1"], { input })).resolves.toMatchObject({ stdout: expect.stringMatching(/0 255 {2}10 {2}13 {3}1/) });
  });

  test("a program that ends before it has read its input is judged by its exit code", async () => {
    await expect(exec("true", [], { input: Buffer.alloc(1 << 20) })).resolves.toMatchObject({ exitCode: 0 });
  });

  test("an exit code that nobody expected is an error with the end of what was said", async () => {
    const error = await exec("sh", ["-c", "echo no such device >&2; exit 4"]).catch((caught: unknown) => caught);
    expect(String(error)).toMatch(/running sh on -c .*: exit code 4: no such device/);
    expect(exitCode(error)).toBe(4);
  });

  test("an exit code that is a result is given", async () => {
    await expect(exec("sh", ["-c", "exit 2"], { accept: [2] })).resolves.toMatchObject({ exitCode: 2 });
  });

  test("a program that is not there, one that is killed and one that takes too long are told apart", async () => {
    await expect(exec("no-such-program", [])).rejects.toThrow(/running no-such-program on no arguments: no such program/);
    await expect(exec("sh", ["-c", "kill -9 $$"])).rejects.toMatchObject({ signal: "SIGKILL", exitCode: undefined });
    const cancel = AbortSignal.timeout(20);
    await expect(exec("sleep", ["10"], { cancel })).rejects.toThrow(/running sleep on 10/);
  });

  test("a program that does not end within its time is killed, whatever signals it blocks, and the error says so", async () => {
    await expect(exec("sh", ["-c", "trap '' TERM; while :; do sleep 0.1; done"], { timeoutMs: 200 })).rejects.toThrow(/running sh .*: it did not end in time/);
  });

  test("with an environment given, nothing is inherited", async () => {
    process.env["EXEC_TEST_SECRET"] = "inherited";
    const { stdout } = await exec("env", [], { env: { PATH: "/usr/bin:/bin", ONLY: "this" } });
    delete process.env["EXEC_TEST_SECRET"];
    expect(stdout.trim().split("\n").sort()).toEqual(["ONLY=this", "PATH=/usr/bin:/bin"]);
  });
});
