/**
 * One stage of a realroot, as typed: every part is percent-decoded. See docs/realroot.md for the grammar.
 * The last stage is the root; those before it only open.
 */
export interface Stage {
  /** `local`, `crypt`, `lvm`, …: the KEYWORD of the rc script that serves it. */
  kind: string;
  /** The filesystem, as mount(8) names it; `auto` finds out, `none` only opens. */
  fstype: string;
  /** As given, with `/dev/` in front of a bare name: `/dev/vda2`, `UUID=…`; for lvm `vg00/lv0`; for a kind with the field `address`, that one as it was written. */
  device: string;
  /** The label behind the first unencoded `@`: a btrfs subvolume. */
  subvolume?: string;
  /** The device-mapper name to open it as, for the kinds that have the field `name`. */
  name?: string;
  /**
   * Options that the kind knows, in the order given; a word without `=` has the value `true`. The values of one that was given
   * several times have a line feed between them, which no value can hold.
   */
  options: Record<string, string | true>;
  /** `mount.KEY[=VALUE]` options, without their prefix, for mount(8)'s -o. */
  mountOptions: string[];
}

/** What a kind's spec may hold: the FIELDS and OPTIONS lines of its rc script. */
export interface KindSyntax {
  /** Fields behind kind and fstype, in order: `device` or `address`, `name`, `options`. */
  fields: string[];
  /** Option keys, without `mount.*`, which every kind has; a `+` behind one says that it may be given several times. */
  options: string[];
}

/** Every kind that the parser may meet, by keyword. */
export type KindTable = Record<string, KindSyntax>;

/** What the kernel command line asks of this boot. */
export interface BootRequest {
  stages: Stage[];
  /** Volumes that may be opened when something that is needed isn't there without, and that nothing asks for otherwise. */
  atHand?: Stage[];
  /** `ro` and `rw`; the last one wins, read-only when neither is there. */
  readonly: boolean;
  /** `rootflags=`, split at commas, and the last stage's own mount options are apart from these. */
  rootflags: string[];
  /** `init=`; tried before the usual ones. */
  init?: string;
  /** Words that the real root's init gets: `single`, `3`, what follows `--`. */
  initArguments: string[];
  /** `quiet`: nothing but prompts and errors on the screen. */
  quiet: boolean;
  /** `mkinitrd.break=STEP` */
  breakAt?: string;
  /** `mkinitrd.shell=0|1` */
  shell?: boolean;
  /** `mkinitrd.timeout=SECONDS`, as milliseconds: how long to wait for a device. */
  timeoutMs?: number;
  /** `resume=` and `resume_offset=`, unless `noresume` is there; the device as a stage has it. */
  resume?: { device: string; offsetPages: number };
  /** `rootdelay=`, `rootwait`, as milliseconds: wait for a device no shorter than this, unless timeoutMs is there. */
  leastTimeoutMs?: number;
  /** `fsck.mode=` and `fsck.repair=`, as systemd-fsck@.service(8) has them. */
  fsck?: { mode?: "auto" | "force" | "skip"; repair?: "preen" | "yes" | "no" };
  /** `mkinitrd.keymap=` or another tool's word for it: the keymap to begin with, where the image has it. */
  keymap?: string;
  /** `mkinitrd.log=debug` */
  debug: boolean;
  /** Words that were understood as ours and could not be used, with the reason: shown, never fatal. */
  warnings: string[];
}

/** Why an option can't be used. */
export interface BadOption {
  key: string;
  reason: string;
  next: string;
}
