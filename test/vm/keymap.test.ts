import { expect, test } from "vitest";
import { bootRecipe, describeVm, vmImage } from "./boot-helper.ts";
import { openVga, type Vga } from "./vga.ts";

/** Where the passphrase of images/crypt-keymap.yaml lies on a German keyboard, named by what a US one has there; AltGr and E for the €. */
const typePassphrase = async (vga: Vga): Promise<void> => {
  await vga.type("Y[rich, s[- ^ 5");
  await vga.press(["alt_r", "e"]);
  await vga.type(" z");
};
const CHARACTERS = 18;

describeVm("a keymap of the image", () => {
  test("is there when the prompt is: a passphrase of another keyboard is typed on the VGA screen", async () => {
    const guest = await bootRecipe("crypt-keymap", { vga: true, append: "console=tty0", answers: {}, image: await vmImage({ keymaps: ["de", "us"] }) });
    const vga = openVga(guest);
    await vga.waitFor("Passphrase for /dev/vda1 (cryptroot)");
    await typePassphrase(vga);
    await vga.waitFor(`> ${"*".repeat(CHARACTERS)}_`);
    await vga.type("\n");
    expect((await vga.waitFor("REALROOT ")).text).not.toContain("Attempt");
  });

  test("is another one when the kernel command line says so: the same keys are a wrong passphrase, until the menu has changed it", async () => {
    const guest = await bootRecipe("crypt-keymap", { vga: true, append: "console=tty0 vconsole.keymap=us", answers: {}, image: await vmImage({ keymaps: ["de", "us"] }) });
    const vga = openVga(guest);
    await vga.waitFor("Passphrase for /dev/vda1 (cryptroot)");
    await typePassphrase(vga);
    await vga.type("\n");
    await vga.waitFor(/Attempt 2 of 3[^]*Keyboard: us\.[^]*> _/);
    await vga.type("\x1b");
    await vga.waitFor(/k {2}keyboard layout[^]*Choose:/);
    await vga.type("k");
    await vga.waitFor(/1 {2}de[^]*2 {2}us \(now\)[^]*Choose:/);
    await vga.type("1");
    await vga.waitFor(/Try de[^]*> /);
    await vga.type("zy");
    await vga.waitFor(/> yz/);
    await vga.type("\n");
    await vga.waitFor(/Keyboard: de\.[^]*> _/);
    await typePassphrase(vga);
    await vga.type("\n");
    await vga.waitFor("REALROOT ");
  });
}, ["loadkeys", "ckbcomp"]);
