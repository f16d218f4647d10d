import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { exec } from "../../src/host/exec.ts";
import { packageRoot } from "../../src/host/package-root.ts";
import { findVmKernel } from "../../src/host/qemu/vm-kernel.ts";
import { describeVm } from "./boot-helper.ts";
import { vmDisk } from "./disks.ts";

const MKINITRD = join(packageRoot(), "dist/host/mkinitrd.js");

let directory: string;
beforeAll(() => { directory = mkdtempSync(join(tmpdir(), "prove-test-")); });
afterAll(() => rmSync(directory, { recursive: true }));

/** Builds with --test; what it printed, and the report where it succeeded. */
async function build(config: string, options: string[] = []) {
  const { release, modulesDirectory } = findVmKernel();
  const file = join(directory, "mkinitrd.config.yaml");
  writeFileSync(file, `kernel: ${release}\nmodules-directory: ${modulesDirectory}\noutput: initrd.img\n${config}\n`);
  const { stdout, stderr, exitCode } = await exec(process.execPath, [MKINITRD, "build", "-c", file, "--json", "--test", ...options], { accept: [0, 1] });
  return { exitCode, stderr, report: exitCode === 0 ? JSON.parse(stdout) as { proof: { witness: string; bus: string; notes: string[] } } : undefined };
}

describeVm("mkinitrd build --test", () => {
  test("boots the image on disks with the names of its realroot; one that doesn't boot leaves the old image in place", async () => {
    writeFileSync(join(directory, "root.key"), "the real volume's key", { mode: 0o600 });
    const spec = "realroots: [crypt]\nrealroot: crypt:ext4:/dev/nvme0n1p2:root:keyfile=/etc/root.key,keyfile-timeout=1\nfiles: [{ from: root.key, to: /etc/root.key, mode: '0400' }]";
    const { stderr, report } = await build(spec);
    expect(stderr).toContain("booting the image");
    expect(report!.proof).toMatchObject({ bus: "nvme", witness: expect.stringMatching(/^REALROOT uptime=.* root=\/dev\/mapper\/root:ext4:ro/), notes: [expect.stringContaining("/etc/root.key was the test's own")] });
    const before = readFileSync(join(directory, "initrd.img"));

    writeFileSync(join(directory, "broken.js"), '// REQUIRE: unlock\n// BEFORE: mount\nexport default async function run() { throw new Error("this image is broken"); }\n');
    const broken = await build(`${spec}\nscripts: [broken.js]`);
    expect(broken.exitCode).toBe(1);
    expect(broken.stderr).toMatch(/booting the new image in a virtual machine on \S+: the real root did not come up: the boot failed, and its menu came[^]*this image is broken[^]*next: the old image is as it was/);
    expect(readFileSync(join(directory, "initrd.img")).equals(before)).toBe(true);
    expect(readdirSync(directory).filter((name) => name.endsWith(".new"))).toEqual([]);
  });

  test("boots it on a disk of one's own, which is not written to", async () => {
    const { recipe, files } = await vmDisk("crypt-luks1");
    const answers = join(directory, "answers.yaml");
    writeFileSync(answers, "Passphrase for: [wrong, correct horse]\n", { mode: 0o600 });
    const { report } = await build(`realroots: [crypt]\nrealroot: ${recipe.realroot}`, ["--test-disk", files[0]!, "--test-answers", answers, "--test-expect", "REALROOT-SETTLED"]);
    expect(report!.proof.witness).toBe("REALROOT-SETTLED");

    // What the kernel repeats of its command line, the prompts and the header is not the system's word.
    const silent = await build(`realroots: [crypt]\nrealroot: ${recipe.realroot}`, ["--test-disk", files[0]!, "--test-expect", "laptop", "--test-append", "systemd.hostname=laptop", "--test-timeout", "8"]);
    expect(silent.exitCode).toBe(1);
    expect(silent.stderr).toMatch(/did not within 8 s[^]*hostname=laptop/);
  });

  test.each([
    [["--test-append", "quiet"], "no realroot", /testing the image on its realroot/],
    [["--test-append", "realroot=local:f2fs:/dev/vda1"], "no disk can be made", /a root of f2fs can't be made here[^]*--test-disk FILE/],
    [["--test-disk", "/none"], "a disk and no text to wait for", /no --test-expect/],
    [["--test-disk", "/none", "--test-expect", "login:"], "a disk that is not there", /opening the disk of the test on \/none: no such file/],
  ])("%s: %s", async (options, _why, error) => {
    rmSync(join(directory, "initrd.img"), { force: true });
    const { exitCode, stderr } = await build("realroots: [local]", options);
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(error);
    expect(existsSync(join(directory, "initrd.img"))).toBe(false);
  });

  test.runIf(process.env["MKINITRD_TEST_ALL"]).each([
    ["local:btrfs:LABEL=tank@@home", /root=\/dev\/vda1:btrfs:/],
    ["local:xfs:/dev/sdb2", /root=\/dev\/sdb2:xfs:/],
    ["crypt:none:UUID=7a4d6f1e-1a55-4f0e-9a6c-2b1f6d3c8e04:a crypt:none:UUID=7a4d6f1e-1a55-4f0e-9a6c-2b1f6d3c8e05:b lvm:ext4:vg00/lv0", /root=\/dev\/mapper\/vg00-lv0:ext4:/],
    ["crypt:ext4:/dev/vg00/lv0:root", /root=\/dev\/mapper\/root:ext4:/],
    ["crypt:none:/dev/md/pool:pv0 lvm:ext4:vg/root", /root=\/dev\/mapper\/vg-root:ext4:/],
    ["tcplay:ext4:/dev/vda1:root", /root=\/dev\/mapper\/root:ext4:/],
    // Arrays by UUID, by a name with its host, and by their number.
    ["md:none:UUID=7a4d6f1e-1a55-4f0e-9a6c-2b1f6d3c8e04 crypt:none:/dev/md/pool:pv0 lvm:ext4:vg/root", /root=\/dev\/mapper\/vg-root:ext4:/],
    ["local:ext4:/dev/disk/by-id/md-name-host%3Apool", /root=\/dev\/md127:ext4:/],
    ["md:xfs:/dev/md0", /root=\/dev\/md0:xfs:/],
    // Detached headers, on a partition and in the image; keys on a stick, in the image, and a device that is the key.
    ["crypt:ext4:PARTLABEL=payload:root:header=PARTLABEL=head,keyslot=3,keyfile=/keys/root.key%40LABEL=KEYS", /root=\/dev\/mapper\/root:ext4:/],
    ["crypt:ext4:/dev/vda1:root:header=/etc/a.key,keyfile=/etc/b.key,keyfile-offset=16,keyfile-size=64", /root=\/dev\/mapper\/root:ext4:/],
    ["crypt:ext4:/dev/vda2:root:type=luks1,keyfile=/dev/vdb,keyfile-size=512", /root=\/dev\/mapper\/root:ext4:/],
    // Plain dm-crypt, typed and by key file.
    ["crypt:none:PARTLABEL=plain:pv0:type=plain,cipher=aes-xts-plain64,size=512,hash=sha256,offset=2048,skip=8,sector-size=4096 lvm:ext4:vg/root", /root=\/dev\/mapper\/vg-root:ext4:/],
    ["crypt:ext4:/dev/vda1:root:type=plain,cipher=aes-cbc-essiv%3Asha256,size=256,keyfile=/etc/a.key", /root=\/dev\/mapper\/root:ext4:/],
    // TrueCrypt and VeraCrypt.
    ["tcplay:ext4:/dev/vda1:root:type=truecrypt,hash=whirlpool,cipher=aes-twofish-serpent,keyfile=/etc/a.key,keyfile=/b%40LABEL=KEYS,hidden=yes", /root=\/dev\/mapper\/root:ext4:/],
    ["tcplay:ext4:/dev/vda1:root:type=truecrypt,backup,no-passphrase,keyfile=/etc/a.key", /root=\/dev\/mapper\/root:ext4:/],
    ["tcplay:ext4:/dev/vda1:root:protect-hidden,keyfile-hidden=/etc/a.key", /root=\/dev\/mapper\/root:ext4:/],
    ["tcplay:ext4:/dev/vda1:root:pim=ask,hash=sha512,keyfile=/etc/a.key,hidden=yes", /root=\/dev\/mapper\/root:ext4:/],
    ["tcplay:none:/dev/vda1:pv0:pim=2,hash=sha256,backup,no-passphrase,keyfile=/etc/a.key,keyfile=/etc/b.key lvm:ext4:vg/root", /root=\/dev\/mapper\/vg-root:ext4:/],
    ["tcplay:ext4:/dev/vda2:root:system=/dev/vda,type=veracrypt,hash=sha256,pim=3", /root=\/dev\/mapper\/root:ext4:/],
    ["tcplay:ext4:PARTLABEL=c:root:system,type=truecrypt", /root=\/dev\/mapper\/root:ext4:/],
  ])("a copy of %s boots", { timeout: 600_000 }, async (spec, witness) => {
    for (const name of ["a.key", "b.key"]) writeFileSync(join(directory, name), "what fits the real volume alone", { mode: 0o600 });
    const files = "files: [{ from: a.key, to: /etc/a.key, mode: '0400' }, { from: b.key, to: /etc/b.key, mode: '0400' }]";
    const { report, stderr } = await build(`realroots: [local, crypt, lvm, md, tcplay]\nrealroot: ${spec}\n${files}`);
    expect(report?.proof.witness ?? stderr).toMatch(witness);
  });
}, ["setpriv"]);
