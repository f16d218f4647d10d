import { expect, test } from "vitest";
import { bootRecipe, describeVm } from "./boot-helper.ts";
import { vmDisk } from "./disks.ts";

describeVm("an encrypted root", () => {
  test("LUKS1 opens with the passphrase that is typed", async () => {
    const guest = await bootRecipe("crypt-luks1");
    await expect(guest.waitFor(/REALROOT .*\n/)).resolves.toMatch(/root=\/dev\/mapper\/\S+:ext4:ro/);
  });

  test("LUKS2 with argon2id: a wrong passphrase is said and counted, the right one opens", async () => {
    const guest = await bootRecipe("crypt-luks2", { answers: {} });
    await guest.waitFor(/Passphrase for \/dev\/vda/);
    guest.type("wrong one\r");
    await guest.waitFor("Wrong passphrase: it opens no keyslot. Attempt 2 of 3.");
    guest.type("correct horse");
    await guest.waitFor("> *************_");
    expect(guest.terminal.text()).not.toContain("correct horse");
    guest.type("\r");
    await expect(guest.waitFor(/REALROOT .*\n/)).resolves.toMatch(/root=\/dev\/mapper\/\S+:ext4:ro/);
    expect(guest.log()).not.toMatch(/correct horse|wrong one/);
  });

  test("LUKS on a logical volume needs no stage for LVM", async () => {
    const guest = await bootRecipe("luks-on-lv");
    await expect(guest.waitFor(/REALROOT .*\n/)).resolves.toMatch(/root=\/dev\/mapper\/\S+:ext4:ro/);
  });

  test("a logical volume inside of LUKS opens by stages, and the log tells when each point was reached", async () => {
    const guest = await bootRecipe("lvm-in-luks", { append: "realroot.cat=/run/mkinitrd/log" });
    const text = await guest.waitFor("REALROOT-END");
    expect(text).toMatch(/root=\/dev\/mapper\/vg00-lv0:ext4:ro/);
    expect(text).toMatch(/survivors=0: missing=$/m);
    const points = [...text.matchAll(/\[ *([\d.]+)\] timeline: (.*)/g)].map(([, seconds, name]) => ({ seconds: Number(seconds), name: name!.trim() }));
    expect(points.map(({ name }) => name)).toEqual([
      "pid 1 started", "node started", "boot program running", "device found", "prompt", "key accepted", "mounted", "hand-over",
    ]);
    expect(points.map(({ seconds }) => seconds)).toEqual(points.map(({ seconds }) => seconds).sort((a, b) => a - b));
    expect(text).not.toContain("correct horse");
  });

  test("exhausted attempts end in a menu without a shell, and Retry asks again", async () => {
    const guest = await bootRecipe("crypt-luks1", { answers: {} });
    for (const attempt of [1, 2, 3]) {
      await guest.waitFor(attempt === 1 ? "Passphrase for" : `Attempt ${attempt} of 3`);
      guest.type(`wrong ${attempt}\r`);
    }
    await guest.waitFor("3 passphrases, none fits");
    const menu = await guest.waitFor("Choose:");
    expect(menu).not.toMatch(/shell/i);
    guest.type("s"); // no such choice
    guest.type("r");
    await guest.waitFor("Passphrase for");
    guest.type("correct horse\r");
    await guest.waitFor(/REALROOT .*\n/);
  });

  test("what was opened before a failure is closed again: the retry asks for the passphrase", async () => {
    const { realroot } = (await vmDisk("crypt-luks1")).recipe;
    const guest = await bootRecipe("crypt-luks1", { answers: {}, realroot: realroot.replace(/^crypt:\w*:/, "crypt:xfs:") });
    await guest.waitFor("Passphrase for");
    guest.type("correct horse\r");
    await guest.waitFor("Choose:");
    guest.type("r");
    await guest.waitFor("Passphrase for");
  });
});
