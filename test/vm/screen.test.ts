import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { expect, onTestFinished, test } from "vitest";
import { DEFAULT_RESCUE } from "../../src/core/rc/boot-config.ts";
import type { Guest } from "../../src/host/qemu/guest.ts";
import { bootRecipe, describeVm, vmImage } from "./boot-helper.ts";
import { openVga } from "./vga.ts";

/** Of "pässwörd", as argon2(1) prints it, with costs that a guest has. */
const PASSWORD_HASH = "$argon2id$v=19$m=64,t=1,p=2$YWJjZGVmZ2g$1O+b90SwLfh5InJYwysEJqyzqGrvLsAV";
const PNG_SIGNATURE = "89504e470d0a1a0a";
const YELLOW_ON_VGA = 14; // bright brown
const ESCAPE = "\x1b";

describeVm("the screen", () => {
  test("serial line and VGA show the same, either opens the menu, and what one answers the other follows", async () => {
    const guest = await bootRecipe("lvm-in-luks", { vga: true, answers: {}, append: "console=tty0 loglevel=4" });
    const vga = openVga(guest);
    const shown = await guest.waitFor(/\? crypt UUID=\S+: key needed[^]*- lvm vg00\/lv0: waits[^]*\/dev\/vda2 .*crypto_LUKS {2}"cryptlvm"[^]*Passphrase for \/dev\/vda2 \(cryptlvm\)[^]*> _/);
    expect(shown).toMatch(/mkinitrd {2}Linux \S+ {2}image \w+/);
    const { text } = await vga.waitFor(/\? crypt UUID=\S+: key needed[^]*└─\/dev\/vda2 .*crypto_LUKS[^]*Passphrase for \/dev\/vda2 \(cryptlvm\)[^]*> _/);
    expect(text).toMatch(/^┌─+┐$/m);

    await vga.press(["caps_lock"]);
    const warned = await vga.waitFor("Caps Lock is on.");
    const row = warned.rows.findIndex((line) => line.includes("Caps Lock"));
    expect(warned.cells[row]![warned.rows[row]!.indexOf("Caps")]!.foreground).toBe(YELLOW_ON_VGA);
    expect(guest.terminal.text()).not.toContain("Caps Lock"); // the serial line has a keyboard of its own
    await vga.press(["caps_lock"]);
    const picture = join(mkdtempSync(join(tmpdir(), "mkinitrd-screen-")), "screen.png");
    onTestFinished(() => rmSync(dirname(picture), { recursive: true }));
    await vga.screenshot(picture);
    expect(readFileSync(picture).toString("hex", 0, 8)).toBe(PNG_SIGNATURE);

    await vga.press(["scroll_lock"]); // the screen takes nothing any more, and holds up nobody
    guest.type(ESCAPE);
    await guest.waitFor("Choose:");
    expect((await vga.read()).text).toMatch(/Passphrase for[^]*> _/);
    await vga.press(["scroll_lock"]);
    const menu = await vga.waitFor(/r {2}retry[^]*l {2}show the log[^]*b {2}reboot[^]*p {2}power off[^]*Choose: \(Esc goes back\)/);
    expect(menu.text).not.toMatch(/shell|another root|edit/); // the image serves an encrypted kind and has no password
    await vga.type("l");
    await guest.waitFor(/The log, lines[^]*timeline: prompt/);
    await vga.waitFor(/The log, lines[^]*timeline: prompt/);
    guest.type("q");
    await guest.waitFor(/Passphrase for[^]*> _/);
    await vga.waitFor(/Passphrase for[^]*> _/);

    guest.type("half of a passphra");
    await guest.waitFor(/> \*{18}_/);
    await vga.type("correct horse");
    await vga.waitFor(/> \*{13}_/);
    await vga.type("\t");
    await vga.waitFor(/Tab hides[^]*> correct horse_/);
    expect(guest.terminal.text()).not.toContain("correct");
    await vga.type("\t");
    await vga.waitFor(/Tab shows[^]*> \*{13}_ /);
    await vga.type("\n");
    await guest.waitFor(/deriving the key/);
    await guest.waitFor(/lvm vg00\/lv0: (open|mounted)/);
    await vga.waitFor(/REALROOT /);
    expect(guest.log()).not.toMatch(/correct horse/);
  });

  test("a program answers through the door: a wrong passphrase, then the right one; on a dumb terminal the screen follows", async () => {
    const client = `// REQUIRE: devices
// BEFORE: mount
import { connect } from "node:net";
export default function run(ctx) {
  const door = connect("/run/mkinitrd/ask");
  const answers = ["wrong", "correct horse"];
  const answered = new Set();
  let heard = "";
  door.write("watch\\n");
  door.on("data", (data) => {
    heard += data;
    for (const [, id, title] of heard.matchAll(/^question (\\d+) (.*)$/gm)) {
      if (answered.has(id)) continue;
      answered.add(id);
      const answer = answers.shift() ?? "";
      ctx.log.step("the door asks: " + title);
      door.write("answer " + id + " " + answer.length + "\\n" + answer);
    }
  });
  return new Promise((resolve) => door.on("data", () => heard.split("taken").length > 2 && resolve(door.destroy())));
}
`;
    const script = join(mkdtempSync(join(tmpdir(), "mkinitrd-door-")), "client.js");
    onTestFinished(() => rmSync(dirname(script), { recursive: true }));
    writeFileSync(script, client);
    const guest = await bootRecipe("lvm-in-luks", { image: await vmImage({ scripts: [script] }), answers: {}, append: "TERM=dumb" });
    const text = await guest.waitFor(/REALROOT .*\n/);
    expect(text).toMatch(/the door asks: Passphrase for \/dev\/vda2 \(cryptlvm\)/);
    expect(text).toMatch(/the door asks: Passphrase for \/dev\/vda2 \(cryptlvm\)\?Wrong passphrase: it opens no keyslot\. Attempt 2 of 3\./);
    expect(text).toMatch(/^Passphrase for \/dev\/vda2 \(cryptlvm\): $/m);
    expect(text).not.toMatch(/[│┌]|\*{2}/);
  });

  test("without a spec the menu offers the roots that are there, for the password of an encrypted image; the chosen one is booted", async () => {
    const image = await vmImage({ rescue: { ...DEFAULT_RESCUE, passwordHash: PASSWORD_HASH } });
    const guest = await bootRecipe("lvm-in-luks", { image, realroot: "", answers: {} });
    await guest.waitFor(/no realroot, and the image has no default one[^]*o {2}choose another root, with the password[^]*Choose:/);
    guest.type("o");
    await guest.waitFor(/Password of this image[^]*> _/);
    guest.type("pässwörd\r");
    await guest.waitFor(/Which volume is the root\?[^]*1 {2}\/dev\/vda2 {2}crypto_LUKS "cryptlvm"[^]*Choose:/);
    guest.type("1");
    await guest.waitFor(/Passphrase for \/dev\/vda2[^]*> _/);
    guest.type("correct horse\r");
    // There is no filesystem on it: the choice is made once more, among what has been opened.
    await guest.waitFor(/LVM2_member, which is no filesystem[^]*Choose:/);
    guest.type("o");
    await guest.waitFor(/Password of this image[^]*> _/);
    guest.type("pässwörd\r");
    await guest.waitFor(/1 {2}vg00\/lv0 {2}ext4[^]*Choose:/);
    guest.type("1");
    await guest.waitFor(/crypt UUID=[^]*lvm vg00\/lv0[^]*Passphrase for \/dev\/vda2[^]*> _/);
    guest.type("correct horse\r");
    await expect(guest.waitFor(/REALROOT .*\n/)).resolves.toMatch(/root=\/dev\/mapper\/vg00-lv0:ext4:ro/);
  });

  test("thousands of Enters, Ctrl-C, Ctrl-Z, Ctrl-\\ and 100 KB of rubbish give nothing and do no harm", async () => {
    const guest = await bootRecipe("crypt-luks1", { answers: {} });
    await guest.waitFor(/Passphrase for[^]*> _/);
    for (let burst = 0; burst < 30; burst++) {
      guest.type("\r".repeat(100));
      await pause(20);
    }
    guest.type("\x03\x1a\x1c\x04".repeat(50));
    guest.type(Buffer.alloc(100_000, "\x1b[31mü\xff*\x00 "));
    await onScreen(guest, /\*_/);
    guest.type("\x15");
    await onScreen(guest, /> _/);
    guest.type(ESCAPE);
    await guest.waitFor("Choose:");
    guest.type(ESCAPE);
    const asked = await guest.waitFor(/Passphrase for[^]*> _/);
    expect(asked).not.toMatch(/shell|Attempt/i);
    guest.type("correct horse\r");
    await guest.waitFor(/REALROOT .*\n/);
  });

  test.runIf(process.env["MKINITRD_TEST_ALL"])("70 seconds of Enter held down end at the same prompt", async () => {
    const guest = await bootRecipe("crypt-luks1", { vga: true, answers: {}, append: "console=tty0" });
    const vga = openVga(guest);
    await vga.waitFor(/Passphrase for[^]*> _/);
    for (const until = Date.now() + 70_000; Date.now() < until; ) await vga.type("\n");
    expect((await vga.read()).text).toMatch(/Passphrase for[^]*> _/);
    expect((await vga.read()).text).not.toMatch(/shell|Attempt|#/i);
    await vga.type("correct horse\n");
    await vga.waitFor("REALROOT ");
  });
});

/**
 * Waits until the screen shows it, and sends a terminal's reply, which is no key, as long as it does not: with more than 4 KB unread the
 * guest's tty now and then forgets what it holds back, until the next byte comes.
 */
async function onScreen(guest: Guest, pattern: RegExp): Promise<void> {
  for (const until = Date.now() + 120_000; Date.now() < until; await pause(250)) {
    await guest.terminal.drawn();
    if (guest.terminal.screen().some((row) => pattern.test(row))) return;
    guest.type("\x1b[0n");
  }
  throw new Error(`${pattern} did not come:\n${guest.terminal.screen().join("\n")}`);
}
