import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { z } from "zod";
import { checkConfigRealroot, parseConfig, readConfig } from "../../../src/host/config/config.ts";
import { MICROCODE_CHOICES } from "../../../src/host/plan/microcode.ts";
import { DEFAULT_ZSTD_LEVEL } from "../../../src/host/compressions.ts";
import { configSchema } from "../../../src/host/config/schema.ts";
import { kinds } from "../../core/realroot/kinds.ts";

const TOP = join(import.meta.dirname, "../../..");

test("the configuration at the top of the repository is the defaults", async () => {
  const { source: _, ...config } = await readConfig(join(TOP, "mkinitrd.config.yaml"));
  const { source: __, ...defaults } = parseConfig("", join(TOP, "x.yaml"));
  expect(config).toEqual(defaults);
  expect(config).toEqual({
    realroot: "", realroots: ["local", "crypt", "lvm"], sysroot: "/", modules: { set: "generic", add: [], omit: [] }, microcode: "auto", programs: [], files: [], expose: [], keymaps: [], scripts: [],
    compression: { format: "zstd", level: DEFAULT_ZSTD_LEVEL }, output: join(TOP, "initrd.img"), timeoutMs: 30_000, sealed: false, manifest: true,
    rescue: { onFailure: "menu", delayMs: 30_000, rounds: 3 },
  });
});

test("the examples that the configuration has behind # are valid", async () => {
  const { source } = await readConfig(join(TOP, "mkinitrd.config.yaml"));
  const keys = Object.keys(configSchema.shape).join("|");
  const examples = [...source.text.matchAll(new RegExp(`^# ((?:${keys}): \\S.*|files:(?:\n#   .*)+)$`, "gm"))].map(([, example]) => (example ?? "").replace(/^#/gm, " "));
  expect(examples.length).toBeGreaterThan(5);
  for (const example of examples) checkConfigRealroot(parseConfig(example, "x.yaml"), kinds);
});

test("every key is read, and relative paths start at the file's folder", () => {
  const { source: _, ...config } = parseConfig(`
realroot: >-
  crypt:none:/dev/vda2:pv0
  lvm:ext4:vg0/root
realroots: [local]
kernel: 6.1.0-32-amd64
modules-directory: mods
sysroot: ../root
modules: {add: [zram, drivers/nvme], omit: [floppy, snd*]}
microcode: both
programs: [strace, /opt/x]
files: [{from: a, to: /etc/a, mode: "0400"}, {from: /b, to: /b}]
expose: [/etc/a]
keymaps: [auto, de-nodeadkeys, ./own.map, /etc/fr.bmap]
scripts: [rc/hello.ts]
compression: {format: zstd, level: 19}
output: out/initrd.img
timeout: 5
rescue: {password-file: keys/rescue, on-failure: reboot, delay: 5, rounds: 1, report: {device: PARTLABEL=esp, directory: /EFI/mkinitrd}}
sealed: true
manifest: false
`, "/etc/mkinitrd/config.yaml");
  expect(config).toEqual({
    realroot: "crypt:none:/dev/vda2:pv0 lvm:ext4:vg0/root", realroots: ["local"], kernel: "6.1.0-32-amd64",
    modulesDirectory: "/etc/mkinitrd/mods", sysroot: "/etc/root", modules: { set: "generic", add: ["zram", "drivers/nvme"], omit: ["floppy", "snd*"] },
    microcode: "both", programs: ["strace", "/opt/x"],
    files: [{ from: "/etc/mkinitrd/a", to: "/etc/a", mode: 0o400 }, { from: "/b", to: "/b" }], expose: ["/etc/a"],
    keymaps: ["auto", "de-nodeadkeys", "/etc/mkinitrd/own.map", "/etc/fr.bmap"],
    scripts: ["/etc/mkinitrd/rc/hello.ts"], compression: { format: "zstd", level: 19 }, output: "/etc/mkinitrd/out/initrd.img",
    timeoutMs: 5000, sealed: true, manifest: false, rescue: { passwordFile: "/etc/mkinitrd/keys/rescue", onFailure: "reboot", delayMs: 5000, rounds: 1, report: { device: "PARTLABEL=esp", directory: "/EFI/mkinitrd" } },
  });
});

test.each([
  { text: "modules: auto", key: "modules", value: { set: "auto", add: [], omit: [] } },
  { text: "modules: [ext4, fs-xfs]", key: "modules", value: { set: "none", add: ["ext4", "fs-xfs"], omit: [] } },
  { text: "compression: none", key: "compression", value: { format: "none" } },
  { text: "compression: {format: none}", key: "compression", value: { format: "none" } },
  { text: "compression: xz", key: "compression", value: { format: "xz", level: 6 } },
  { text: "compression: {format: lzop, level: 1}", key: "compression", value: { format: "lzop", level: 1 } },
  { text: "compression: {format: zstd}", key: "compression", value: { format: "zstd", level: DEFAULT_ZSTD_LEVEL } },
])("$text is read", ({ text, key, value }) => {
  expect(parseConfig(text, "a.yaml")).toHaveProperty(key, value);
});

test.each([
  { text: "\n".repeat(13) + "compression: brotli", found: 'line 14, column 14: compression is "brotli"; known: zstd, gzip, xz, lz4, lzma, bzip2, lzop, none, a mapping' },
  { text: "compression: {format: none, level: 3}", found: "line 1, column 36: compression.level is there, but nothing is compressed" },
  { text: "compression: {format: lz4, level: 13}", found: "line 1, column 35: compression.level is 13; lz4 has 1 to 12" },
  { text: "compression: {format: zstd, level: 22}", found: "line 1, column 36: compression.level is 22; zstd has 1 to 19" },
  { text: "realroots: local", found: 'line 1, column 12: realroots is "local"; must be a list' },
  { text: "realroots: [a/b]", found: "line 1, column 13: realroots[0] must be a name" },
  { text: "real-root: x", found: 'line 1, column 1: the key "real-root", did you mean realroot?; known: realroot, realroots, kernel' },
  { text: "modules: everything", found: 'line 1, column 10: modules is "everything"; known: generic, auto, none, a list, a mapping' },
  { text: "modules: {set: all}", found: 'line 1, column 16: modules.set is "all"; known: generic, auto, none' },
  { text: "modules: {ad: [x]}", found: 'line 1, column 11: the key "ad" in modules, did you mean add?; known: set, add, omit' },
  { text: "modules: [a b]", found: "line 1, column 11: modules[0] must be a module's name" },
  { text: "files: [{from: a, to: etc/a}]", found: "line 1, column 23: files[0].to must be an absolute path" },
  { text: "files: [{from: a, to: /../a}]", found: "line 1, column 23: files[0].to must be the path of a file, without . and .." },
  { text: "files: [{from: a, to: /etc/}]", found: "files[0].to must be the path of a file, without . and .. and empty parts" },
  { text: "files: [{from: a, to: /a, mode: 0600}]", found: 'line 1, column 33: files[0].mode must be permission bits in quotes, as in "0600"' },
  { text: 'files: [{from: a, to: /a, mode: "999"}]', found: "files[0].mode must be permission bits" },
  { text: "files: [{from: a}]", found: "line 1, column 9: files[0].to is missing" },
  { text: "programs: [./tool]", found: "line 1, column 12: programs[0] must be a bare name or an absolute path" },
  { text: "kernel: 6.1", found: "line 1, column 9: kernel is 6.1; must be a text" },
  { text: "kernel: ../x", found: "kernel must be a kernel release" },
  { text: "timeout: -1", found: "line 1, column 10: timeout is -1; at least 0" },
  { text: "timeout: 1.5", found: "timeout is 1.5; must be a whole number" },
  { text: "keymaps: [de, 'us intl']", found: "line 1, column 15: keymaps[1] must be a keymap's name, as in de-nodeadkeys, the path of a keymap file with a slash in it, or auto" },
  { text: "sealed: yes", found: 'line 1, column 9: sealed is "yes"; must be true or false' },
  { text: 'output: "a\\0b"', found: "output holds a control character" },
])("$text says $found", ({ text, found }) => {
  expect(() => parseConfig(text, "mkinitrd.config.yaml")).toThrow(found);
});

test("a wrong default spec is found in the configuration, with its place", () => {
  const config = parseConfig("# top\nrealroot: crypt:none:vda2:pv0 lmv:ext4:vg/lv\n", "mkinitrd.config.yaml");
  expect(() => checkConfigRealroot(config, kinds)).toThrow(
    'reading mkinitrd.config.yaml on line 2, column 11: realroot has "lmv:ext4:vg/lv": the kind "lmv"; known: crypt, local, lvm, tcplay\n  next: did you mean lvm?');
  expect(checkConfigRealroot(parseConfig("realroot: lvm:ext4:vg/lv", "a.yaml"), kinds)).toHaveLength(1);
});

test("a file that can't be read is an error that says which and why", async () => {
  const directory = await mkdtemp(join(tmpdir(), "mkinitrd-test-"));
  onTestFinished(() => rm(directory, { recursive: true }));
  await expect(readConfig(join(directory, "none.yaml"))).rejects.toThrow(`reading the configuration on ${directory}/none.yaml: no such file\n  next: -c FILE names another one`);
  await expect(readConfig(directory)).rejects.toThrow("it is a directory");
});

test("every key has its documentation in the JSON schema", () => {
  const { properties } = z.toJSONSchema(configSchema, { io: "input" });
  expect(Object.entries(properties ?? {}).filter(([, value]) => typeof value === "boolean" || value.description === undefined)).toEqual([]);
});

test("the example of docs/rescue.md is a configuration, and its table has each key", () => {
  const page = readFileSync(join(TOP, "docs/rescue.md"), "utf8");
  const [, example = ""] = /```yaml\n([^]*?)```/.exec(page) ?? [];
  expect(parseConfig(example, "docs/rescue.md").rescue.report).toEqual({ device: "PARTLABEL=esp", directory: "/EFI/mkinitrd" });
  const rows = [...page.matchAll(/^\| `([a-z-]+)` \|/gm)].map(([, key]) => key);
  expect(rows).toEqual(expect.arrayContaining(["password-file", "password-hash", "on-failure", "delay", "rounds", "report"]));
});

test("the example of docs/modules.md is a configuration, and its tables have each set, and each choice of microcode", () => {
  const page = readFileSync(join(TOP, "docs/modules.md"), "utf8");
  const [, example = ""] = /```yaml\n([^]*?)```/.exec(page) ?? [];
  expect(parseConfig(example, "docs/modules.md").modules).toEqual({ set: "auto", add: ["drivers/nvme", "usb-storage"], omit: ["floppy", "snd*"] });
  const rows = [...page.matchAll(/^\| (`[^|]*) \|/gm)].flatMap(([, cell = ""]) => [...cell.matchAll(/`(\w+)`/g)].map(([, word]) => word));
  expect(rows).toEqual(expect.arrayContaining(["generic", "none", "options", "blacklist", "softdep", ...MICROCODE_CHOICES]));
});

test.each([
  { text: "modules: [/drivers/nvme]", found: "modules[0] must be a module's name or alias, a pattern (nvme*), or a directory below kernel/ (drivers/nvme)" },
  { text: "modules: {add: [drivers/../../etc]}", found: "modules.add[0] must be a module's name" },
  { text: "microcode: arm", found: 'microcode is "arm"; known: auto, amd, intel, both, none' },
])("$text says $found", ({ text, found }) => {
  expect(() => parseConfig(text, "mkinitrd.config.yaml")).toThrow(found);
});

test.each([
  { text: "rescue: {report: {device: 'FOO=esp'}}", found: "rescue.report.device must be a device as a realroot names it" },
  { text: "rescue: {report: {device: LABEL=esp, directory: /../etc}}", found: "rescue.report.directory must have no .. in it" },
  { text: "rescue: {report: PARTLABEL=esp}", found: 'rescue.report is "PARTLABEL=esp"; must be a mapping' },
])("$text says $found", ({ text, found }) => {
  expect(() => parseConfig(text, "a.yaml")).toThrow(found);
});
