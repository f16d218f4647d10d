import { expect, test } from "vitest";
import { parseFstab } from "../../src/core/formats/fstab.ts";
import { chooseFstabMounts } from "../../src/core/fstab-mounts.ts";

const choose = (text: string) => chooseFstabMounts(parseFstab(text).entries);

test("/usr and x-initrd.mount are chosen, parents first, and nothing else", () => {
  const chosen = choose(`
UUID=1 / ext4 defaults 0 1
UUID=2 /var/lib/x ext4 x-initrd.mount 0 2
UUID=3 /home ext4 defaults
UUID=4 /var ext4 defaults,x-initrd.mount
UUID=5 none swap x-initrd.mount
UUID=6 /usr/ ext4 ro
UUID=7 /opt ext4 noauto,x-initrd.mount`);
  expect(chosen.map(({ target }) => target)).toEqual(["/var", "/usr", "/var/lib/x"]);
});

test("options for the running system don't reach mount(2)", () => {
  expect(choose("UUID=1 /usr ext4 defaults,noatime,nofail,x-initrd.mount,x-systemd.device-timeout=5,user,comment=hello,_netdev,errors=remount-ro 0 2")).toEqual([
    { target: "/usr", source: "UUID=1", from: "device", fstype: "ext4", options: ["noatime", "errors=remount-ro"], needed: true, optional: false, check: true },
  ]);
});

test.each([
  { line: "server:/usr /usr nfs defaults", reason: "server:/usr is no device that can be looked for this early" },
  { line: "//server/x /srv cifs x-initrd.mount", reason: "//server/x is no device that can be looked for this early" },
  { line: "here /srv none bind,x-initrd.mount", reason: "here is no path of the root" },
])("$line is refused, with the reason", ({ line, reason }) => {
  expect(choose(line)).toMatchObject([{ reason }]);
});

test("a directory with .. in it stays in the root", () => {
  expect(choose("UUID=1 /../../usr/../etc//x ext4 x-initrd.mount")).toMatchObject([{ target: "/etc/x" }]);
});

test("a bind mount and a tmpfs need no device", () => {
  expect(choose("/data/var /var none bind,x-initrd.mount\ntmpfs /tmp tmpfs size=1M,x-initrd.mount 0 1")).toMatchObject([
    { target: "/var", from: "bind", fstype: "none", options: ["bind"], check: false },
    { target: "/tmp", from: "tmpfs", options: ["size=1M"], check: false },
  ]);
});
