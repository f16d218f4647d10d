import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { bootRecipe, describeVm, vmImage } from "./boot-helper.ts";

describeVm("a boot that can't go on", () => {
  test("a missing device: the deadline passes, and the error says what was looked for and what was found", async () => {
    const guest = await bootRecipe("local-ext4", { realroot: "local:ext4:UUID=00000000-1111-2222-3333-444444444444", append: "mkinitrd.timeout=8" });
    await guest.waitFor(/Waiting for UUID=00000000-1111-2222-3333-444444444444: \d s left/);
    const error = await guest.waitFor("Choose:");
    expect(error).toMatch(/waiting 8 s for a device on UUID=00000000-1111-2222-3333-444444444444: it did not appear/);
    expect(error).toMatch(/\/dev\/vda2 {2}ext4 {2}LABEL="realroot"/);
    guest.type("p");
    await expect(guest.exited).resolves.toMatchObject({ reason: "guest-shutdown" });
  });

  test("a command line full of rubbish, as long as the kernel takes one, is refused in one message", async () => {
    // The kernel takes 2047 bytes here, and panics by itself over more than 32 words that it does not know.
    const rubbish = Array.from({ length: 20 }, (_, i) => `x${i}=${'%zz:,@"%"\\'.repeat(9)}`).join(" ");
    const guest = await bootRecipe("local-ext4", { realroot: "", append: `realroot=no:such%zz:kind ${rubbish}` });
    const error = await guest.waitFor("Choose:");
    expect(error).toMatch(/known: .*local/);
    expect(error).not.toMatch(/\bat .*\.js:\d+/); // no stack
  });

  test("no realroot at all: the error says what to write", async () => {
    const guest = await bootRecipe("local-ext4", { realroot: "" });
    await guest.waitFor("add realroot=KIND:FILESYSTEM:DEVICE to the kernel command line");
    await guest.waitFor("Choose:");
  });

  test("a disk that was cut short: the error says where its partition table ends and where the disk does", async () => {
    const short = join(mkdtempSync(join(tmpdir(), "mkinitrd-short-")), "short.img");
    onTestFinished(() => rmSync(dirname(short), { recursive: true }));
    const cut = ([file]: string[]) => {
      writeFileSync(short, readFileSync(file!).subarray(0, 64 << 20));
      return [short];
    };
    const guest = await bootRecipe("local-ext4", { disks: cut, append: "mkinitrd.timeout=8" });
    await expect(guest.waitFor("Choose:")).resolves.toMatch(/\/dev\/vda .*last usable block is 262110, the disk ends at block 131071: it was cut short/);
    guest.type("b");
    await expect(guest.exited).resolves.toMatchObject({ reason: "guest-reset" });
  });

  test("a filesystem that is no root has no init: the error lists where one was looked for", async () => {
    const guest = await bootRecipe("lvm-in-luks", { realroot: "local:vfat:/dev/vda1" });
    await guest.waitFor(/none of \/sbin\/init, .* is a program there/);
  });

  test("an image without encrypted kinds gives a shell, and comes back to the menu after it", async () => {
    const image = await vmImage({ realroots: ["local"] });
    const guest = await bootRecipe("local-ext4", { image, realroot: "local:ext4:/dev/vdz9", append: "mkinitrd.timeout=8" });
    const failed = await guest.waitFor(/s {2}shell[^]*Choose:/);
    expect(failed).toContain("! local /dev/vdz9: failed");
    expect(guest.log()).not.toContain("vdz9: found");
    guest.type("s");
    await guest.waitFor("A shell.");
    await guest.waitFor("/ #");
    guest.type("echo $((6 * 7)) >/run/answer; cat /run/answer; tty; setsid sh -c 'sleep 2; echo \"<2>the kernel has\" something to say >/dev/kmsg' & exit\r");
    const answer = await guest.waitFor("Choose:");
    expect(answer).toMatch(/^42$/m);
    expect(answer).toMatch(/^\/dev\/ttyS0$/m);
    await guest.waitFor("the kernel has something to say");
    await expect.poll(() => guest.terminal.screen().join("\n")).toMatch(/^\[ *\d+\.\d+\] the kernel has something to say\n[^]*\n┌─+┐\n│ {2}What now\? +│\n(│ .*│\n)+│ {2}Choose: _ +│\n└─+┘\n*$/m);
    expect(guest.terminal.screen().join("\n").split("┌").length).toBe(2); // one box, whole
    guest.type("r");
    await guest.waitFor("waiting 8 s for a device on /dev/vdz9");
    await guest.waitFor("Choose:");
    guest.type("e");
    await guest.waitFor(/The realroot of this boot[^]*> local:ext4:\/dev\/vdz9/);
    guest.type("\x15lvm:ext4:/dev/vda2\r");
    await guest.waitFor(/lvm[^]*> lvm:ext4:\/dev\/vda2/); // this image has no lvm
    guest.type("\x15local:ext4:/dev/vda2\r");
    await expect(guest.waitFor(/REALROOT .*\n/)).resolves.toContain("root=/dev/vda2:ext4:ro");
  });

  test("words of the command line reach no program's environment", async () => {
    const guest = await bootRecipe("local-ext4", { append: "NODE_OPTIONS=--no-such-option LD_PRELOAD=/none PATH=/none" });
    await guest.waitFor(/REALROOT /);
  });

  test.each([
    { how: "is killed", code: 'process.kill(process.pid, "SIGKILL")', found: "signal 9 ended it, as when memory runs out" },
    { how: "takes all memory", code: "for (const all = [];;) all.push(Buffer.alloc(1 << 24, 1))", found: "signal 9 ended it, as when memory runs out" },
    { how: "exits", code: "process.exit(3)", found: "it ended with 3" },
  ])("a boot program that $how ends in a menu that says so, without a shell", async ({ code, found }) => {
    const script = join(mkdtempSync(join(tmpdir(), "mkinitrd-crash-")), "crash.js");
    onTestFinished(() => rmSync(dirname(script), { recursive: true }));
    writeFileSync(script, `// REQUIRE: devices\n// BEFORE: unlock\nexport default async function run() { ${code}; }\n`);
    const guest = await bootRecipe("crypt-luks1", { image: await vmImage({ scripts: [script] }), answers: {} });
    const menu = await guest.waitFor("Choose:");
    expect(menu).toContain(found);
    expect(menu).not.toMatch(/shell/i);
    guest.type("p");
    await expect(guest.exited).resolves.toMatchObject({ reason: "guest-shutdown" });
  });

  test.each([
    { how: "fails beside the prompt", code: 'await prompt(); throw new Error("beside\\x1b[2J the prompt")', found: "Error: beside?[2J the prompt" },
    { how: "throws where nobody catches", code: 'prompt().then(() => setTimeout(() => { throw new Error("behind\\x1b[2J the back") }))', found: /behind\?\[2J the back[^]*it ended with 1/ },
  ])("a script that $how ends the question, and the error is on the screen", async ({ code, found }) => {
    const script = join(mkdtempSync(join(tmpdir(), "mkinitrd-beside-")), "beside.js");
    onTestFinished(() => rmSync(dirname(script), { recursive: true }));
    // Once, when the prompt stands on the screen.
    writeFileSync(script, `// REQUIRE: devices
// BEFORE: mount
import { existsSync, readFileSync, writeFileSync } from "node:fs";
async function prompt() {
  while (!readFileSync("/run/mkinitrd/log", "utf8").includes("timeline: prompt")) await new Promise((done) => setTimeout(done, 200));
  await new Promise((done) => setTimeout(done, 1000));
  writeFileSync("/run/failed", "");
}
export default async function run() {
  if (existsSync("/run/failed")) return;
  ${code};
}
`);
    const guest = await bootRecipe("crypt-luks1", { image: await vmImage({ scripts: [script] }), answers: {} });
    await guest.waitFor("Passphrase for");
    const menu = await guest.waitFor("Choose:");
    expect(menu).toMatch(found);
    expect(menu).not.toMatch(/shell/i);
    guest.type("l");
    if (found instanceof RegExp) {
      await guest.waitFor(/the boot program failed: Error: behind\?\[2J the back\n *at [^]*Choose:/);
    } else {
      await guest.waitFor(found);
      guest.type("q"); // the log has a page of its own
      await guest.waitFor("Choose:");
    }
    guest.type("r");
    await guest.waitFor("Passphrase for");
  });

  test("a keyslot that wants more memory than there is: the error has both figures, before anybody types", async () => {
    const guest = await bootRecipe("crypt-greedy", { memoryMiB: 384, answers: {} });
    const error = await guest.waitFor("Choose:");
    // cryptsetup takes less than the 256 MiB of the recipe where the machine that makes the disk has not so much free.
    const [, wants, free] = /a keyslot wants (\d+) MiB of memory, and (\d+) MiB are free/.exec(error) ?? [];
    expect(Number(wants)).toBeGreaterThan(200);
    expect(Number(free)).toBeLessThan(Number(wants));
    expect(error).not.toContain("Passphrase for");
  });
});
