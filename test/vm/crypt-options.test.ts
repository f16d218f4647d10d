import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { bootRecipe, describeVm, vmImage } from "./boot-helper.ts";

describeVm("options of an encrypted root", () => {
  test("a detached header, and the key from a stick: nobody is asked", async () => {
    const guest = await bootRecipe("crypt-options", { append: "realroot.cat=/proc/mounts" });
    const text = await guest.waitFor("REALROOT-END");
    expect(text).toMatch(/root=\/dev\/mapper\/root:ext4:ro/);
    expect(guest.log()).not.toMatch(/Passphrase|warning/);
    expect(guest.log()).not.toMatch(/^\S+ \S+ vfat /m); // the stick is unmounted
  });

  test("crypttab opens what the root lies on; without the stick that has the key the person is asked", async () => {
    const folder = mkdtempSync(join(tmpdir(), "mkinitrd-crypttab-"));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const crypttab = join(folder, "crypttab");
    writeFileSync(crypttab, [
      "other PARTLABEL=plain none plain,cipher=aes-xts-plain64,size=512,hash=sha256,noauto",
      "root_crypt PARTLABEL=payload /root.key:LABEL=KEYS luks,discard,keyfile-timeout=1s,header=/dev/disk/by-partlabel/luks-header",
    ].join("\n"));
    const image = await vmImage({ crypttab });
    const guest = await bootRecipe("crypt-options", { image, realroot: "local:auto:UUID=2f1c7c5e-7e9e-4d6d-8f3e-0d9b1d0a6c21", absent: [1] });
    await guest.waitFor(/LABEL=KEYS: it did not appear; asking for the passphrase/);
    await guest.waitFor(/Passphrase for \/dev\/vda1/);
    guest.type("correct horse\r");
    await expect(guest.waitFor(/REALROOT .*\n/)).resolves.toMatch(/root=\/dev\/mapper\/root_crypt:ext4:ro/);
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
