import { expect, test } from "vitest";
import { bootRecipe, describeVm } from "./boot-helper.ts";

describeVm("a root that needs no opening", () => {
  test.each([
    { by: "its path", device: "/dev/vda2" },
    { by: "a bare name", device: "vda2" },
    { by: "the filesystem's UUID", device: "UUID=2f1c7c5e-7e9e-4d6d-8f3e-0d9b1d0a6c01" },
    { by: "the filesystem's label", device: "LABEL=realroot" },
    { by: "the partition's UUID, in capitals", device: "PARTUUID=0F3B5A35-8A37-4D8E-B1F2-6B1D1C2A3E02" },
    { by: "the partition's label", device: "PARTLABEL=testroot" },
  ])("is found by $by", async ({ device }) => {
    const guest = await bootRecipe("local-ext4", { realroot: `local:ext4:${device}` });
    await expect(guest.waitFor(/REALROOT .*\n/)).resolves.toMatch(/root=\/dev\/vda2:ext4:ro /);
  });

  test.each([
    { fstype: "xfs", realroot: "local:xfs:UUID=2f1c7c5e-7e9e-4d6d-8f3e-0d9b1d0a6c08" },
    { fstype: "btrfs", realroot: "local:auto:LABEL=btrfsroot:mount.noatime" }, // the superblock says which it is
  ])("an $fstype root is mounted", async ({ fstype, realroot }) => {
    const guest = await bootRecipe("filesystems", { realroot });
    await expect(guest.waitFor(/REALROOT .*\n/)).resolves.toMatch(new RegExp(`root=/dev/vda\\d:${fstype}:ro`));
  });

  test("nothing of the early boot is left when the real root runs: no process, no mount missing, no memory", async () => {
    const guest = await bootRecipe("local-ext4", { append: "rw single" });
    const line = await guest.waitFor(/REALROOT-SETTLED .*\n/);
    expect(line).toMatch(/root=\/dev\/vda2:ext4:rw arguments=single/);
    expect(line).toMatch(/survivors=0: missing=$/m);
    const [, total, free] = /SETTLED MemTotal=(\d+) MemFree=(\d+)/.exec(line)!;
    expect(Number(total) - Number(free)).toBeLessThan(120 * 1024); // KiB
    // A guest that never had an initrd uses some 50 MB here, and up to 50 MB lie on the processors' own lists of free
    // pages; the unpacked image would be 117 MB more. `npm run bench` measures to the megabyte.
  });
});
