/** What runs this program when a kernel comes or goes. */
export interface HookSettings {
  /** Absolute paths: Node, this program, the configuration. */
  node: string;
  program: string;
  config: string;
  /** Where the image of a kernel goes; `{kernel}` is its release. */
  image: string;
  /** Each image is booted before it is put in place. */
  test: boolean;
  /** The configuration makes a unified kernel image. */
  uki: boolean;
}

export interface HookFile {
  /** Relative to the root of the system. */
  path: string;
  text: string;
}

const MARK = "# Written by `mkinitrd install`; `mkinitrd install --remove` takes it away.";

/** Debian's: called with the release by a kernel package's postinst and postrm; Debian kernel handbook, "Kernel hooks". */
export function debianHooks(settings: HookSettings): HookFile[] {
  const image = settings.image.replaceAll("{kernel}", "$version");
  const common = ["#!/bin/sh", MARK, 'version=$1', '[ -n "$version" ] || exit 0'];
  return [
    { path: "etc/kernel/postinst.d/mkinitrd", text: lines([...common, onlyFor(["configure"]), `exec ${buildCommand(settings, '"$version"', quoteAround(image))} >&2`]) },
    { path: "etc/kernel/postrm.d/mkinitrd", text: lines([...common, onlyFor(["remove", "purge"]), `rm -f ${quoteAround(image)} ${quoteAround(`${image}.old`)}`]) },
  ];
}

/** systemd's: called with a command, the release, and in the environment where the image is to lie until it is installed; kernel-install(8). */
export function kernelInstallPlugin(settings: HookSettings): HookFile {
  const build = settings.uki
    ? buildCommand(settings, '"$2" --uki-kernel "$4"', '"$KERNEL_INSTALL_STAGING_AREA/uki.efi"', { keepOld: false })
    : buildCommand(settings, '"$2"', '"$KERNEL_INSTALL_STAGING_AREA/initrd"', { keepOld: false });
  return {
    path: "etc/kernel/install.d/50-mkinitrd.install",
    text: lines([
      "#!/bin/sh", MARK,
      '[ "$1" = add ] || exit 0',
      `[ "\${${settings.uki ? "KERNEL_INSTALL_UKI_GENERATOR" : "KERNEL_INSTALL_INITRD_GENERATOR"}:-mkinitrd}" = mkinitrd ] || exit 0`,
      '[ $# -le 4 ] || exit 0 # somebody has brought an initrd along',
      '[ -n "$KERNEL_INSTALL_STAGING_AREA" ] || { echo "mkinitrd: kernel-install(8) of systemd 251 or later is needed" >&2; exit 1; }',
      `exec ${build} >&2`,
    ]),
  };
}

/** A package that is upgraded runs the hooks, too; DEB_MAINT_PARAMS holds the words that its script was called with, quoted or not. */
function onlyFor(tasks: string[]): string {
  return `case $DEB_MAINT_PARAMS in '' | ${tasks.map((task) => `${task}* | "'${task}'"*`).join(" | ")}) ;; *) exit 0 ;; esac`;
}

export const isOurs = (text: string): boolean => text.includes(MARK);

function buildCommand({ node, program, config, test }: HookSettings, version: string, image: string, { keepOld = true } = {}): string {
  return [...[node, program, "build", "-c", config].map(quote), "--kernel", version, ...(keepOld ? ["--keep-old"] : []), ...(test ? ["--test"] : []), "-o", image].join(" ");
}

/** A word for sh(1). */
function quote(word: string): string {
  return /^[A-Za-z0-9_./:@%+=-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

/** A word in which `$version` is the variable. */
function quoteAround(text: string): string {
  return text.split("$version").map((part) => (part === "" ? "" : quote(part))).join('"$version"');
}

function lines(all: string[]): string {
  return `${all.join("\n")}\n`;
}
