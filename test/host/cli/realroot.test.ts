import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test, vi } from "vitest";
import { asCommandLine, realrootCommand } from "../../../src/host/cli/realroot.ts";
import { parseConfig } from "../../../src/host/config/config.ts";
import { readKinds } from "../../../src/host/config/kinds.ts";

async function printed(...words: string[]): Promise<string> {
  const log = vi.spyOn(console, "log").mockImplementation(() => {});
  try {
    await realrootCommand().parseAsync(words, { from: "user" });
    return log.mock.calls.flat().join("\n");
  } finally {
    log.mockRestore();
  }
}

test("a spec is explained with the kinds of the rc scripts", async () => {
  expect(await printed("crypt:none:/dev/vda2:pv0", "lvm:ext4:vg00/lv0")).toBe(`realroot=crypt:none:/dev/vda2:pv0
realroot=lvm:ext4:vg00/lv0
  opens /dev/vda2 (LUKS) as pv0; asks for its passphrase
  activates logical volume lv0 of volume group vg00
  mounts vg00/lv0 as the root: ext4, ro`);
});

test("--json prints the request, its specs and the explanation", async () => {
  expect(JSON.parse(await printed("--json", "root=/dev/vda1 rw"))).toMatchObject({
    stages: [{ kind: "local", device: "/dev/vda1" }], readonly: false, specs: ["local:auto:/dev/vda1"],
    explanation: ["mounts /dev/vda1 as the root: whichever filesystem it has, rw"],
  });
});

test.each([[""], ["", " "], []])("nothing at all is no realroot: %j", async (...words) => {
  await expect(printed(...words)).rejects.toThrow(/reading the realroot spec on .*: it is empty\n  next: write a spec, KIND:FILESYSTEM:DEVICE/);
});

test.each([
  { args: ["local:ext4:vda1"], text: '"realroot=local:ext4:vda1"' },
  { args: ["local:ext4:LABEL=my root", "lvm:-:a/b"], text: '"realroot=local:ext4:LABEL=my root" "realroot=lvm:-:a/b"' },
  { args: ["crypt:none:a:b lvm:-:c/d"], text: '"realroot=crypt:none:a:b" "realroot=lvm:-:c/d"' },
  { args: ["tcplay:ext4:vda2:root:-e -s /dev/sda"], text: '"realroot=tcplay:ext4:vda2:root:-e -s /dev/sda"' },
  { args: ["loacl"], text: '"realroot=loacl"' },
  { args: ["quiet root=/dev/sda1"], text: "quiet root=/dev/sda1" },
  { args: ["quiet", "realroot=local:ext4:LABEL=a b"], text: 'quiet "realroot=local:ext4:LABEL=a b"' },
  { args: ["ip=::::x:eth0 realroot=local:ext4:vda1"], text: "ip=::::x:eth0 realroot=local:ext4:vda1" },
  { args: [], text: "" },
])("the arguments $args are the command line $text", ({ args, text }) => {
  expect(asCommandLine(args)).toBe(text);
});

test("-c brings the default spec, the user's kinds and sealed; a default that is wrong is found in the file", async () => {
  const directory = await mkdtemp(join(tmpdir(), "mkinitrd-test-"));
  onTestFinished(() => rm(directory, { recursive: true }));
  await writeFile(join(directory, "own.ts"), "// KEYWORD: own\n// FIELDS: device\nexport default 1;\n");
  const file = join(directory, "mkinitrd.config.yaml");
  await writeFile(file, "realroot: own:ext4:vda1\nscripts: [own.ts]\nsealed: true\n");
  expect(await printed("-c", file, "realroot=local:ext4:vda2")).toBe(`realroot=own:ext4:/dev/vda1
  opens /dev/vda1 (kind own)
  mounts what /dev/vda1 holds as the root: ext4, ro
  warning: this image is sealed, ignored: realroot`);
  await writeFile(file, "realroot: own:ext4\n");
  await expect(printed("-c", file)).rejects.toThrow(`reading ${file} on line 1, column 11: realroot has "own:ext4": the kind "own"; known: crypt, local, lvm, md`);
});

test("a script that serves a kind of ours, or can't be read, is refused by name", async () => {
  const directory = await mkdtemp(join(tmpdir(), "mkinitrd-test-"));
  onTestFinished(() => rm(directory, { recursive: true }));
  const script = join(directory, "own.ts");
  await expect(readKinds([script])).rejects.toThrow(`reading the rc script on ${script}: no such file`);
  await writeFile(script, "// KEYWORD: lvm\n// FIELDS: device\n");
  await expect(readKinds([script])).rejects.toThrow(/it serves the realroot kind "lvm", and so does .*rc.d\/lvm.ts/);
  expect(parseConfig("", "a.yaml").scripts).toEqual([]);
});
