import { expect, test } from "vitest";
import { parseCommandLine } from "../../../src/core/realroot/command-line.ts";
import { explainRealroot } from "../../../src/core/realroot/explain.ts";
import { kinds } from "./kinds.ts";

const own = { ...kinds, zfs: { fields: ["device", "name", "options"], options: ["force"] } };
const explainLine = (text: string) => explainRealroot(parseCommandLine(text, { kinds: own, defaultRealroot: "", sealed: false }));

test("a key file is said in place of the passphrase", () => {
  expect(explainLine("realroot=crypt:ext4:vda2:x:keyfile=/k,readonly")[0]).toBe("opens /dev/vda2 (LUKS) as x; reads its key from /k, with readonly");
});

test("a local stage that is not the root is waited for", () => {
  expect(explainLine("realroot=local:none:vda1 realroot=local:ext4:vda2")).toEqual(["waits for /dev/vda1", "mounts /dev/vda2 as the root: ext4, ro"]);
});

test("only a mapping whose name has a dash may be a logical volume's", () => {
  expect(explainLine("realroot=local:ext4:/dev/mapper/vg-lv")[0]).toBe("activates logical volume lv of volume group vg, if that is what /dev/mapper/vg-lv is");
  expect(explainLine("realroot=local:ext4:/dev/mapper/x")).toEqual(["mounts /dev/mapper/x as the root: ext4, ro"]);
});

test("a kind of the user's own is opened by its script", () => {
  expect(explainLine("realroot=zfs:zfs:/tank/root:t:force")).toEqual(
    ["opens /tank/root as t (kind zfs), with force", "mounts /dev/mapper/t as the root: zfs, ro"]);
});

test("knobs and what init gets are said, and words fit for no terminal are escaped", () => {
  expect(explainLine("realroot=local:ext4:vda1 mkinitrd.break=mount mkinitrd.shell=0 mkinitrd.timeout=5 mkinitrd.log=debug -- a=b \x1b[2J").slice(1)).toEqual([
    'starts the root\'s own init with a=b "\\x1b[2J"',
    "waits at most 5 s for a device",
    "stops before the step mount, where the image's policy allows",
    "gives no shell on failure",
    "shows the whole log",
  ]);
});
