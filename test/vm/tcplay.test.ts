import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { bootRecipe, describeVm, vmImage } from "./boot-helper.ts";

describeVm("a TrueCrypt root", () => {
  test("AES: a wrong passphrase is said when all that it may be was tried, the right one opens", async () => {
    const guest = await bootRecipe("tcplay-aes", { answers: {}, image: await tcplayImage(), realroot: "tcplay:ext4:PARTLABEL=tcroot:tcroot:type=truecrypt,hash=ripemd160,cipher=aes" });
    await guest.waitFor("Passphrase for /dev/vda1 (tcroot)");
    guest.type("wrong one\r");
    await guest.waitFor(/Wrong passphrase: it opens no header\. Attempt 2 of 3\./);
    guest.type("correct horse\r");
    await expect(guest.waitFor(/REALROOT .*\n/)).resolves.toMatch(/root=\/dev\/mapper\/tcroot:ext4:ro/);
    expect(guest.log()).not.toMatch(/correct horse|wrong one/);
  });

  test("cascades with each hash, key files, and a hidden volume that nobody asked for", async () => {
    const guest = await bootRecipe("tcplay-cascade", { image: await tcplayImage({ first: "first key file", second: "second key file" }), append: "realroot.cat=/run/mkinitrd/log" });
    const text = await guest.waitFor("REALROOT-END");
    expect(text).toMatch(/root=\/dev\/mapper\/tcroot:ext4:ro/);
    expect(text).toMatch(/opened \/dev\/vda1 as \/dev\/mapper\/tc1/);
    expect(text).toMatch(/opened \/dev\/vda2 as \/dev\/mapper\/tc2/);
  });

  test("VeraCrypt with a PIM of the spec and one that is typed, a backup header, and a hidden volume that is protected", async () => {
    const guest = await bootRecipe("tcplay-variants", { image: await tcplayImage({ hidden: "a hidden key" }), append: "realroot.cat=/run/mkinitrd/log" });
    const text = await guest.waitFor("REALROOT-END");
    expect(text).toMatch(/root=\/dev\/mapper\/vcroot:ext4:ro/);
    for (const [device, name] of [["vda1", "vc1"], ["vda2", "tc2"], ["vda3", "tc3"]]) expect(text).toContain(`opened /dev/${device} as /dev/mapper/${name}`);
    expect(text).not.toMatch(/(vera|backup|outer|hidden|correct) horse/);
  });

  test("system encryption of TrueCrypt by the program's flag, of VeraCrypt with a PIM, and a hidden volume of a whole disk", async () => {
    const guest = await bootRecipe("tcplay-system", { image: await tcplayImage(), append: "realroot.cat=/run/mkinitrd/log" });
    const text = await guest.waitFor("REALROOT-END", { timeoutMs: 170_000 });
    expect(text).toMatch(/root=\/dev\/mapper\/tcroot:ext4:ro/);
    for (const [device, name] of [["vdb1", "vcsystem"], ["vdc", "whole"], ["vda2", "tcroot"]]) expect(text).toContain(`opened /dev/${device} as /dev/mapper/${name}`);
  });

  test.runIf(process.env["MKINITRD_TEST_ALL"]).each(["type=truecrypt,hash=ripemd160,hidden=no", "engine=tcplay"])("after a failed boot all mappings of a cascade are closed: Retry asks and opens again (%s)", async (options) => {
    const realroot = `tcplay:xfs:/dev/vda1:tc1:${options}`; // it is ext4
    const guest = await bootRecipe("tcplay-cascade", { image: await tcplayImage(), realroot, answers: {} });
    for (const attempt of ["first", "second"]) {
      await guest.waitFor("Passphrase for /dev/vda1");
      guest.type("correct horse\r");
      await expect(guest.waitFor("Choose:")).resolves.toMatch(/opened \/dev\/vda1 as \/dev\/mapper\/tc1[^]*xfs/);
      if (attempt === "first") guest.type("r");
    }
  });

  test.runIf(process.env["MKINITRD_TEST_ALL"]).each([["hidde=yes", /did you mean hidden\?/], ["pim=2147469", /option pim: "2147469"; a whole number from 1 to 2147468/], ["hash=sha256,type=truecrypt", /known: ripemd160, sha512, whirlpool/]])("%s is refused before anybody types, with what is known", async (options, found) => {
    const guest = await bootRecipe("tcplay-aes", { image: await tcplayImage(), realroot: `tcplay:ext4:/dev/vda1:tcroot:${options}`, answers: {} });
    const menu = await guest.waitFor("Choose:");
    expect(menu).toMatch(found);
    expect(menu).not.toContain("Passphrase for");
  });

  test.runIf(process.env["MKINITRD_TEST_ALL"])("system encryption opened by the tcplay program", async () => {
    const guest = await bootRecipe("tcplay-system", { image: await tcplayImage(), realroot: "tcplay:ext4:/dev/vda2:tcroot:system=/dev/vda,engine=tcplay", answers: { "Passphrase for /dev/vda2": ["correct horse"] } });
    await expect(guest.waitFor(/REALROOT .*\n/)).resolves.toMatch(/root=\/dev\/mapper\/tcroot:ext4:ro/);
  });
}, ["tcplay"]);

/** An image that serves the kind tcplay, with key files in /etc/keys. */
async function tcplayImage(keys: Record<string, string> = {}): Promise<string> {
  const directory = mkdtempSync(join(tmpdir(), "mkinitrd-keys-"));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  const files = Object.entries(keys).map(([name, text]) => {
    writeFileSync(join(directory, name), text);
    return { from: join(directory, name), to: `/etc/keys/${name}`, mode: 0o400 };
  });
  return vmImage({ realroots: ["local", "lvm", "tcplay"], files });
}
