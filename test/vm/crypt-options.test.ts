import { expect, test } from "vitest";
import { bootRecipe, describeVm } from "./boot-helper.ts";

describeVm("options of an encrypted root", () => {
  test("a detached header, and the key from a stick: nobody is asked", async () => {
    const guest = await bootRecipe("crypt-options", { append: "realroot.cat=/proc/mounts" });
    const text = await guest.waitFor("REALROOT-END");
    expect(text).toMatch(/root=\/dev\/mapper\/root:ext4:ro/);
    expect(guest.log()).not.toMatch(/Passphrase|warning/);
    expect(guest.log()).not.toMatch(/^\S+ \S+ vfat /m); // the stick is unmounted
  });

  test("plain dm-crypt opens with what its maker typed, and a wrong passphrase is noticed", async () => {
    const realroot = "crypt:auto:PARTLABEL=plain:root:type=plain,cipher=aes-xts-plain64,size=512,hash=sha256";
    const guest = await bootRecipe("crypt-options", { realroot });
    await guest.waitFor(/Passphrase for \/dev\/vda3/);
    guest.type("wrong one\r");
    await guest.waitFor("Attempt 2 of 3");
    guest.type("battery staple\r");
    await expect(guest.waitFor(/REALROOT .*\n/)).resolves.toMatch(/root=\/dev\/mapper\/root:ext4:ro/);
  });
});
