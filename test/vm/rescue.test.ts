import { expect, test } from "vitest";
import { DEFAULT_RESCUE } from "../../src/core/rc/boot-config.ts";
import { bootRecipe, describeVm, vmImage } from "./boot-helper.ts";

/** Of "pässwörd", as argon2(1) prints it, with costs that a guest has. */
const PASSWORD_HASH = "$argon2id$v=19$m=64,t=1,p=2$YWJjZGVmZ2g$1O+b90SwLfh5InJYwysEJqyzqGrvLsAV";

describeVm("a boot that fails", () => {
  test("an encrypted image gives a shell for the password alone, and behind the last round of passphrases no retry", async () => {
    const image = await vmImage({ rescue: { ...DEFAULT_RESCUE, passwordHash: PASSWORD_HASH, rounds: 2 } });
    const guest = await bootRecipe("crypt-luks1", { image, answers: {}, realroot: "crypt:ext4:/dev/vda1:root:tries=1" });
    await guest.waitFor("Passphrase for");
    guest.type("wrong\r");
    await guest.waitFor(/1 passphrase, none fits[^]*shell, with the password[^]*Choose:/);
    guest.type("s");
    await guest.waitFor("Password of this image");
    guest.type("passwort\r");
    await guest.waitFor(/Wrong password\. 1 s until the next\.[^]*Password of this image[^]*> _/);
    guest.type("pässwörd\r");
    await guest.waitFor(/A shell[^]*# *$/);
    guest.type("echo I am $((40 + 2)); ls /dev/mapper\r");
    await expect(guest.waitFor(/^I am 42[^]*# *$/m)).resolves.not.toMatch(/^root$/m);
    guest.type("exit\r");
    await guest.waitFor("Choose:");
    guest.type("r");
    await guest.waitFor("Passphrase for");
    guest.type("wrong\r");
    const last = await guest.waitFor(/No more passphrases are tried; the machine reboots in 5 minutes[^]*Choose:/);
    expect(last).not.toMatch(/shell|retry/);
    guest.type("rs\x03\x1a");
    guest.type("p");
    await expect(guest.exited).resolves.toMatchObject({ reason: "guest-shutdown" });
    expect(guest.log()).not.toMatch(/pässwörd|passwort/);
  });

  test("a machine without anybody reboots when its image says so", async () => {
    const image = await vmImage({ rescue: { ...DEFAULT_RESCUE, onFailure: "reboot", delayMs: 1000 } });
    const guest = await bootRecipe("local-ext4", { image, realroot: "local:ext4:LABEL=nowhere", append: "mkinitrd.timeout=8" });
    await guest.waitFor(/LABEL=nowhere: it did not appear[^]*reboot in 1 s; a key leads to the menu/);
    await expect(guest.exited).resolves.toMatchObject({ reason: "guest-reset" });
  });
});
