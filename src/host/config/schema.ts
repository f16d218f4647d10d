import { z } from "zod";
import { normalizeDevice } from "../../core/realroot/device.ts";
import { parseHash } from "../../core/rescue/password.ts";
import { COMPRESSION_NAMES } from "../compressions.ts";
import { MICROCODE_CHOICES } from "../plan/microcode.ts";
import { levelProblem, levelRanges } from "./compression.ts";

const LONGEST_TIMEOUT_SECONDS = 24 * 60 * 60;

const text = z.string().min(1).refine((value) => !/[\u0000-\u001f\u007f]/.test(value), "holds a control character");
const name = text.refine((value) => /^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(value), "must be a name of letters, digits, dots, dashes and underscores");
const absolute = text.refine((value) => value.startsWith("/"), "must be an absolute path");
const moduleName = text.refine((value) => !/\s|^\//.test(value) && !value.split("/").includes(".."), "must be a module's name or alias, a pattern (nvme*), or a directory below kernel/ (drivers/nvme)");

const moduleSet = z.enum(["generic", "auto", "none"]).describe(
  "generic: drivers for disks and keyboards of any machine, filesystems and ciphers; auto: those of this machine; none: what the rc scripts need");

const modules = z.union([
  moduleSet,
  z.array(moduleName).describe("These modules, and what the rc scripts need."),
  z.strictObject({
    set: moduleSet.default("generic"),
    add: z.array(moduleName).default([]).describe("Modules to add, by name or alias, which are loaded early; or by pattern (nvme*) or directory (drivers/nvme), which are there when something wants them."),
    omit: z.array(moduleName).default([]).describe("Modules to leave out, by name, pattern or directory, where nothing that is packed requires them."),
  }),
]);

const compressionFormat = z.enum([...COMPRESSION_NAMES, "none"]);

const compression = z.union([
  compressionFormat,
  z.strictObject({ format: compressionFormat, level: z.int().optional().describe(`How hard it tries: more is smaller and slower. ${levelRanges()}.`) })
    .superRefine(({ format, level }, context) => {
      const message = level === undefined ? undefined : levelProblem(format, level);
      if (message !== undefined) context.addIssue({ code: "custom", message, path: ["level"] });
    }),
]);

const file = z.strictObject({
  from: text.describe("File or directory on this machine; a relative path starts at the folder of the configuration."),
  to: absolute.refine((path) => !path.slice(1).split("/").some((part) => ["", ".", ".."].includes(part)), "must be the path of a file, without . and .. and empty parts")
    .describe("Where it goes in the image."),
  mode: z.string({ error: 'must be permission bits in quotes, as in "0600"' })
    .refine((mode) => /^0?[0-7]{3}$/.test(mode), 'must be permission bits in quotes, as in "0600"').optional()
    .describe('Permission bits in quotes, "0600"; those of the file when not given.'),
});

const report = z.strictObject({
  device: text.refine((device) => "text" in normalizeDevice("local", device), "must be a device as a realroot names it, as in PARTLABEL=esp")
    .describe("The device, of vfat or ext4: a path, UUID=, LABEL=, PARTUUID=, PARTLABEL= or SERIAL=. It is mounted for that alone."),
  directory: absolute.refine((path) => !path.split("/").includes(".."), "must have no .. in it").default("/").describe("The directory in it."),
});

const rescue = z.strictObject({
  "password-file": text.optional().describe("A file that holds a password in its only line; its argon2id hash goes into the image. Who types it gets a shell and the breaks."),
  "password-hash": text.refine((hash) => parseHash(hash) !== undefined, "must be an argon2id hash, as `argon2 SALT -id -e` prints it").optional()
    .describe("The argon2id hash of that password, in place of the file."),
  "on-failure": z.enum(["menu", "reboot", "poweroff", "shell"]).default("menu").describe("What a boot that failed does when nobody presses a key."),
  delay: z.int().min(0).max(LONGEST_TIMEOUT_SECONDS).default(30).describe("How many seconds somebody has for that."),
  rounds: z.int().min(1).max(99).default(3).describe("After so many rounds of wrong passphrases there is only reboot and power off."),
  report: report.optional().describe("Where the report of a failed boot is written to, beside /run/mkinitrd/report.txt."),
}).refine((value) => value["password-file"] === undefined || value["password-hash"] === undefined, { message: "stands beside password-hash; give one of them", path: ["password-file"] });

const uki = z.union([z.boolean(), z.strictObject({
  cmdline: text.optional().describe("The kernel command line in it; without one the firmware's or the boot loader's is taken."),
  stub: text.optional().describe("The EFI stub; the one that ukify finds when not given."),
})]);

/** The configuration file as it is written. What is not given takes the default that the text names. */
export const configSchema = z.strictObject({
  realroot: z.string().default("").describe("The root to boot when the kernel command line names none: a realroot spec, stages separated by blanks."),
  realroots: z.array(name).default(["local", "crypt", "lvm"]).describe("The realroot kinds that the image serves, beside those of `realroot`."),
  kernel: text.refine((release) => !release.includes("/"), "must be a kernel release, as in 6.1.0-32-amd64").optional()
    .describe("Kernel release, or all for an image for each; the newest in the modules directory when not given."),
  "modules-directory": text.optional().describe("The directory that holds a folder for each kernel release; lib/modules of the sysroot when not given."),
  sysroot: text.default("/").describe("Where programs, libraries and firmware come from."),
  runtime: text.optional().describe("The Node binary that goes in, of the major version that mkinitrd runs on; when not given that one, or for a sysroot of another architecture the one that `npm run runtime` fetched."),
  modules: modules.default("generic").describe("Kernel modules to pack: a set, a list, or a set with additions and omissions."),
  microcode: z.enum(MICROCODE_CHOICES).default("auto").describe("Microcode to pack in front of the image: auto is that of this machine's processors, both is all that the sysroot has."),
  programs: z.array(text.refine((program) => program.startsWith("/") || !program.includes("/"), "must be a bare name or an absolute path")).default([])
    .describe("Programs to pack beside those that the rc scripts need, with their libraries."),
  files: z.array(file).default([]).describe("Files and directories to pack."),
  expose: z.array(absolute).default([]).describe("Secrets of the image, by their paths in it, that may lie on a filesystem whose files have no modes (vfat): everybody who has the disk may read them."),
  crypttab: text.optional().describe("A crypttab of this machine to pack as /etc/crypttab: what the root lies on is opened by it."),
  hostname: text.regex(/^[A-Za-z0-9][A-Za-z0-9.-]{0,63}$/, "must be a machine's name, or auto").optional()
    .describe("What the prompt calls this machine; auto: as /etc/hostname does."),
  keymaps: z.array(text.refine((keymap) => keymap.includes("/") || /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(keymap), "must be a keymap's name, as in de-nodeadkeys, the path of a keymap file with a slash in it, or auto"))
    .default([]).describe("Keyboard layouts to pack: names, files, or auto for this machine's own. A boot begins with the first."),
  scripts: z.array(text).default([]).describe("rc scripts of your own: .ts and .js files, and directories of them."),
  compression: compression.default("zstd").describe("How the image is compressed: a format that the kernel unpacks, none, or { format, level }."),
  output: text.default("initrd.img").describe("The image to write; {kernel} in its name is the kernel release."),
  uki: uki.default(false).describe("Make a unified kernel image of kernel and initrd, by ukify, for the firmware or a boot loader to start."),
  timeout: z.int().min(0).max(LONGEST_TIMEOUT_SECONDS).default(30).describe("How many seconds the boot waits for a device."),
  rescue: rescue.prefault({}).describe("What happens when a boot fails."),
  manifest: z.boolean().default(true).describe("Keep in the image why each file is in it, for `mkinitrd why` and `size`: 1.6 KB of the packed image."),
  sealed: z.boolean().default(false).describe("Ignore the root, the init and every mkinitrd. word of the kernel command line; for signed kernels."),
});
