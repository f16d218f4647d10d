import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { bootCommand } from "../../../src/host/cli/boot.ts";
import { run } from "../../../src/host/cli/program.ts";
import { elfHead } from "../elf-head.ts";
import { cpio, directory as cpioDirectory, file, FILE } from "../image/cpio.ts";

let directory: string;
let output: string;
const { PATH } = process.env;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "boot-"));
  output = "";
  for (const name of ["vmlinuz", "initrd.img", "disk.img"]) writeFileSync(join(directory, name), name === "initrd.img" ? "070701" : name);
  vi.stubEnv("MKINITRD_ACCELERATOR", "tcg");
  vi.stubEnv("PATH", `${directory}:${PATH}`);
  const write = (bytes: string | Uint8Array): boolean => { output += Buffer.from(bytes as Uint8Array).toString(); return true; };
  vi.spyOn(process.stdout, "write").mockImplementation(write);
  vi.spyOn(process.stderr, "write").mockImplementation(write);
  for (const method of ["log", "error"] as const) vi.spyOn(console, method).mockImplementation((text) => void (output += `${text}\n`));
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
  process.exitCode = undefined;
  rmSync(directory, { recursive: true });
});

/** Runs `mkinitrd boot` with a QEMU that is the shell script; gives the exit code and the arguments that QEMU got. */
async function boot(script: string, ...words: string[]): Promise<{ exitCode: unknown; qemu: string }> {
  writeFileSync(join(directory, "qemu-system-x86_64"), `#!/bin/sh\necho "$@" >${directory}/arguments\n${script}\n`, { mode: 0o755 });
  await run(["boot", join(directory, "initrd.img"), "--kernel", join(directory, "vmlinuz"), ...words], { boot: async () => bootCommand() });
  let qemu = "";
  try {
    qemu = readFileSync(join(directory, "arguments"), "utf8");
  } catch {
    // QEMU was not started.
  }
  return { exitCode: process.exitCode ?? 0, qemu };
}

/** Says on QMP that the guest powered itself off, as QEMU does. */
const POWER_OFF = `read negotiation <&3; echo '{"event": "SHUTDOWN", "data": {"guest": true, "reason": "guest-shutdown"}}' >&3`;
const RESET = POWER_OFF.replace("guest-shutdown", "guest-reset");

describe("the exit code", () => {
  test("is 0 when the expected text came", async () => {
    expect(await boot("echo REALROOT uptime=8; exec sleep 60", "--expect", "REALROOT")).toMatchObject({ exitCode: 0 });
    expect(output).toContain('the text "REALROOT" came');
  });

  test("is 1 when it did not come in time", async () => {
    expect(await boot("echo hello; exec sleep 60", "--expect", "REALROOT", "--timeout", "1")).toMatchObject({ exitCode: 1 });
    expect(output).toContain('the text "REALROOT" did not come in 1 s');
  });

  test("is 1 when the guest ended before", async () => {
    expect(await boot(`echo hello; ${POWER_OFF}`, "--expect", "REALROOT")).toMatchObject({ exitCode: 1 });
    expect(output).toContain("did not come: the guest powered itself off");
  });

  test("is 0 when the guest powers itself off and nothing was expected", async () => {
    expect(await boot(`echo hello; ${POWER_OFF}`)).toMatchObject({ exitCode: 0 });
  });

  test("is 1 when the guest reboots", async () => {
    expect(await boot(`echo hello; ${RESET}`)).toMatchObject({ exitCode: 1 });
    expect(output).toContain("the guest rebooted or its kernel panicked");
  });

  test("is 1 when QEMU does not start", async () => {
    expect(await boot("echo Could not open disk >&2; exit 1")).toMatchObject({ exitCode: 1 });
    expect(output).toContain("QEMU ended with exit code 1: Could not open disk");
  });

  test.each([["--memory", "lots"], ["--expect", ""]])("is 2 for %s '%s'", async (...words) => {
    expect(await boot("", ...words)).toMatchObject({ exitCode: 2, qemu: "" });
  });
});

test.each([
  { content: "", found: "it is empty" },
  { content: "timeout: 30\n", found: "it begins with 0x74696d656f75743a: no cpio archive, and compressed in no way that the kernel knows" },
])("an image that is none ('$content') is an error before QEMU starts", async ({ content, found }) => {
  writeFileSync(join(directory, "initrd.img"), content);
  expect(await boot("")).toMatchObject({ exitCode: 1, qemu: "" });
  expect(output).toContain(`opening the image on ${join(directory, "initrd.img")}: ${found}\n  next: mkinitrd build makes one`);
});

test("a disk that is not there is an error before QEMU starts", async () => {
  expect(await boot("", "--disk", "/none.img")).toMatchObject({ exitCode: 1, qemu: "" });
  expect(output).toContain("opening a disk on /none.img: no such file");
});

describe("a kernel for x86-64", () => {
  const start = (machine: number, bits = 64) => {
    const kernel = Buffer.alloc(0x300);
    kernel.write("HdrS", 0x202);
    writeFileSync(join(directory, "vmlinuz"), kernel);
    const head = elfHead(machine);
    head[4] = bits / 32; // EI_CLASS
    const executable = { mode: FILE | 0o755 };
    writeFileSync(join(directory, "initrd.img"), cpio(cpioDirectory("bin"), file("bin/note", "#!/bin/sh", executable), file("bin/sh", head, executable)));
    return boot(POWER_OFF);
  };

  test("is not started with an image for arm64", async () => {
    expect(await start(183)).toMatchObject({ exitCode: 1, qemu: "" });
    expect(output).toContain(`booting the image on ${join(directory, "initrd.img")}: its programs are for aarch64, and the kernel ${join(directory, "vmlinuz")} is for x86_64\n  next: name a kernel for aarch64: --kernel FILE`);
  });

  test.each([{ machine: 62, bits: 64 }, { machine: 3, bits: 32 }])("is started with an image for machine $machine, whose programs it runs", async ({ machine, bits }) => {
    expect(await start(machine, bits)).toMatchObject({ exitCode: 0 });
  });
});

test.each(["initrd.img", "vmlinuz", "disk.img"])("a pipe as %s is an error, and is not waited for", async (name) => {
  rmSync(join(directory, name));
  execFileSync("mkfifo", [join(directory, name)]);
  expect(await boot("", "--disk", join(directory, "disk.img"))).toMatchObject({ exitCode: 1, qemu: "" });
  expect(output).toContain(`on ${join(directory, name)}: it is neither a file nor a block device`);
});

test("where nobody is there to end it, a guest that goes on for ever is ended when the time is over", async () => {
  expect(await boot("echo waits; exec sleep 60", "--timeout", "1")).toMatchObject({ exitCode: 1 });
  expect(output).toContain("the guest still ran after 1 s, and was ended; --timeout SECONDS gives it longer");
});

describe("without --timeout", () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ["setTimeout"], shouldAdvanceTime: true }));
  afterEach(() => void vi.useRealTimers());

  test("it has three minutes", async () => {
    const booted = boot("echo waits; exec sleep 60");
    await vi.waitFor(() => expect(output).toContain("waits"));
    await vi.advanceTimersByTimeAsync(180_000);
    expect(await booted).toMatchObject({ exitCode: 1 });
    expect(output).toContain("the guest still ran after 180 s");
  });
});

test("disks are snapshots unless the guest may write", async () => {
  const disk = join(directory, "disk.img");
  expect((await boot(POWER_OFF, "-d", disk)).qemu).toContain("snapshot=on");
  expect((await boot(POWER_OFF, "-d", disk, "--write")).qemu).toContain("snapshot=off");
});

test("what is appended stands behind the words that each guest gets", async () => {
  expect((await boot(POWER_OFF, "--append", "realroot=local:ext4:vda1 quiet")).qemu).toContain("console=ttyS0 panic=-1 no_timer_check realroot=local:ext4:vda1 quiet");
});

test("--display gives a VGA screen, and the kernel a console on it beside the serial one", async () => {
  const { qemu } = await boot(POWER_OFF, "--display", "gtk");
  expect(qemu).toContain("-display gtk -device VGA");
  expect(qemu).toContain("console=tty0 console=ttyS0 ");
});

test("answers are typed, and their secret is in no argument", async () => {
  writeFileSync(join(directory, "answers.yaml"), "Passphrase for /dev/vda2: correct horse\n", { mode: 0o600 });
  const { exitCode, qemu } = await boot(
    "printf 'Passphrase for /dev/vda2: '; answer=$(head -c 14); test \"$answer\" = \"$(printf 'correct horse\\r')\" && echo opened; exec sleep 60",
    "--answers", join(directory, "answers.yaml"), "--expect", "opened");
  expect(exitCode).toBe(0);
  expect(qemu).not.toContain("horse");
});

test("--json gives the outcome and the console as text", async () => {
  await boot("printf '\\033[31mREALROOT\\033[0m\\n'; exec sleep 60", "--expect", "REALROOT", "--json");
  const report = JSON.parse(output.slice(output.indexOf("{\n")));
  expect(report).toMatchObject({ ok: true, restarts: 0, accelerator: "tcg", console: "REALROOT\n" });
});
