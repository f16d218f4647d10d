import { nearest } from "../nearest.ts";
import { CRYPT_WORDS, type CryptWords, noCryptWords } from "./foreign-crypt.ts";
import { normalizeDevice } from "./device.ts";
import { isKeymapName, KEYMAP_WORDS } from "./keymap-word.ts";
import type { BootRequest } from "./types.ts";
import type { Word } from "./words.ts";

/** What the words have said so far. The translated ones become stages, by translate.ts, when all words are read. */
export interface Draft {
  request: BootRequest;
  /** The values of `realroot=` since the last empty one; undefined when the word is not there. */
  specs?: string[];
  root?: string;
  rootfstype?: string;
  crypt: CryptWords;
  /** Volume groups, and volumes as `VG/LV`, that rd.lvm.* names. */
  lvm: string[];
  /** UUIDs of rd.md.uuid. */
  md: string[];
  resume?: string;
  resumeOffsetPages?: number;
  noResume?: true;
  /** Why no `root=` may be mounted. */
  refusal?: string;
}

export const newDraft = (request: BootRequest): Draft => ({ request, crypt: noCryptWords(), lvm: [], md: [] });

/** Takes one word into the draft; returns why it can't be used, if so. `value` is undefined for a word without `=`. */
type Reader = (draft: Draft, value: string | undefined) => string | undefined;

const LONGEST_TIMEOUT_SECONDS = 24 * 60 * 60;
const NO_SECONDS = `it is no number of seconds from 0 to ${LONGEST_TIMEOUT_SECONDS}`;

/**
 * Where other tools' words stop, as the step of ours that comes next: dracut.cmdline(7), initramfs-tools(7), mkinitcpio(8) and
 * systemd-debug-generator(8). A word without a value stops where its tool has done its work.
 */
const BREAK_POINTS: Record<string, string> = {
  cmdline: "devices", "pre-udev": "devices", "pre-trigger": "devices", "pre-basic": "devices", top: "devices", modules: "devices", init: "pivot",
  initqueue: "unlock", "pre-mount": "mount", premount: "mount", mount: "mount", mountroot: "mount",
  "": "pivot", "pre-pivot": "pivot", "pre-switch-root": "pivot", cleanup: "pivot", bottom: "pivot", postmount: "pivot",
};

/** The realroot's words and our own knobs, and other tools' words with a meaning here. Whatever is not here is not ours. */
export const WORDS: Record<string, Reader> = {
  realroot: readSpec,
  "vfs.root.realroot": readSpec, // DragonFly's loader.conf variable

  // The kernel's own, Documentation/admin-guide/kernel-parameters.txt.
  root: (draft, value) => {
    if (value === undefined || value === "") return "no device behind it";
    draft.root = value;
  },
  rootfstype: (draft, value) => {
    if (value === undefined || value === "") return "no filesystem behind it";
    draft.rootfstype = value;
  },
  rootflags: (draft, value) => {
    if (hasControl(value)) return "it holds a control character";
    draft.request.rootflags = (value ?? "").split(",").filter((option) => option !== "");
  },
  ro: (draft) => {
    draft.request.readonly = true;
  },
  rw: (draft) => {
    draft.request.readonly = false;
  },
  init: (draft, value) => {
    if (value === undefined || !value.startsWith("/") || hasControl(value)) return "it is no absolute path";
    draft.request.init = value;
  },
  rootdelay: (draft, value) => readPatience(draft, value),
  // Since Linux 6.6 with a number of seconds.
  rootwait: (draft, value) => readPatience(draft, value ?? String(LONGEST_TIMEOUT_SECONDS)),
  quiet: (draft) => {
    draft.request.quiet = true;
  },

  // dracut.cmdline(7) and systemd-cryptsetup-generator(8); mkinitcpio's encrypt hook; Debian's cryptsetup-initramfs.
  ...Object.fromEntries(Object.entries(CRYPT_WORDS).map(([word, read]): [string, Reader] => [word, (draft, value) => read(draft.crypt, value ?? "")])),
  "rd.lvm.vg": (draft, value) => {
    if (!/^[A-Za-z0-9+_.][A-Za-z0-9+_.-]{0,126}$/.test(value ?? "")) return "it is no volume group's name";
    draft.lvm.push(value ?? "");
  },
  "rd.lvm.lv": (draft, value) => {
    const volume = normalizeDevice("lvm", value ?? "");
    if ("reason" in volume) return volume.reason;
    draft.lvm.push(volume.text);
  },
  // dracut takes mdadm's four groups of eight digits, and the same with dashes; `:` and `-` mean nothing.
  "rd.md.uuid": (draft, value) => {
    const digits = (value ?? "").replaceAll(/[:-]/g, "").toLowerCase();
    if (!/^[0-9a-f]{32}$/.test(digits)) return "it is no array's UUID; `mdadm --detail` shows it";
    draft.md.push(digits.replace(/^(.{8})(.{8})(.{8})(.{8})$/, "$1:$2:$3:$4"));
  },
  // Documentation/power/swsusp.rst; systemd-hibernate-resume-generator(8).
  resume: (draft, value) => {
    if (value === undefined || value === "") return "no device behind it";
    draft.resume = value;
  },
  resume_offset: (draft, value) => {
    if (!/^\d{1,15}$/.test(value ?? "")) return "it is no number of pages";
    draft.resumeOffsetPages = Number(value);
  },
  noresume: refuseResume,
  nohibernate: refuseResume,
  hibernate: (draft, value) => {
    if (value === "no" || value === "noresume") refuseResume(draft);
  },
  roothash: (draft) => refuseRoot(draft, "roothash= wants it verified by dm-verity, which this boot can't"),
  "rd.break": (draft, value) => readBreak(draft, value),
  "rd.systemd.break": (draft, value) => readBreak(draft, value),
  break: (draft, value) => readBreak(draft, value), // initramfs-tools(7), mkinitcpio(8)
  "rd.shell": (draft, value) => {
    if (value !== undefined && value !== "0" && value !== "1") return "known: 0, 1";
    draft.request.shell ??= value !== "0";
  },
  "rd.timeout": (draft, value) => {
    const seconds = readSeconds(value);
    if (seconds === undefined) return NO_SECONDS;
    draft.request.timeoutMs ??= (seconds === 0 ? LONGEST_TIMEOUT_SECONDS : seconds) * 1000; // 0: for ever
  },
  // systemd-fsck@.service(8), "Kernel Command Line".
  "fsck.mode": (draft, value) => {
    if (value !== "auto" && value !== "force" && value !== "skip") return "known: auto, force, skip";
    draft.request.fsck = { ...draft.request.fsck, mode: value };
  },
  "fsck.repair": (draft, value) => {
    if (value !== "preen" && value !== "yes" && value !== "no") return "known: preen, yes, no";
    draft.request.fsck = { ...draft.request.fsck, repair: value };
  },

  "mkinitrd.break": (draft, value) => {
    if (value === undefined || !/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(value)) return "it is no step's name";
    draft.request.breakAt = value;
  },
  "mkinitrd.shell": (draft, value) => {
    if (value !== "0" && value !== "1") return "known: 0, 1";
    draft.request.shell = value === "1";
  },
  "mkinitrd.timeout": (draft, value) => {
    const seconds = readSeconds(value);
    if (seconds === undefined) return NO_SECONDS;
    draft.request.timeoutMs = seconds * 1000;
  },
  "mkinitrd.log": (draft, value) => {
    if (value !== "debug") return "known: debug";
    draft.request.debug = true;
  },
  // rc.d/init itself prints it when it hands over, for who watches the console: mkinitrd build --test.
  "mkinitrd.mark": (_draft, value) => (value !== undefined && /^[A-Za-z0-9]{1,64}$/.test(value) ? undefined : "letters and digits, 64 at most"),
  ...Object.fromEntries(KEYMAP_WORDS.map((word): [string, Reader] => [word, readKeymap])),
};

/** Of those, the ones that a sealed image obeys all the same: they open nothing, run nothing and choose nothing. */
export const HARMLESS_WORDS = ["quiet", "mkinitrd.mark"];

/** Words without a value that the kernel hands to init: sysvinit's init(8) and systemd(1), "Kernel command line". */
const INIT_WORD = /^(single|emergency|rescue|[sS]|[0-9])$/;

export function isInitArgument(word: Word): boolean {
  return word.value === undefined && INIT_WORD.test(word.key);
}

/** Why a `mkinitrd.` word that is not in the table can't be used. */
export function explainUnknownKnob(key: string): string {
  const known = Object.keys(WORDS).filter((word) => word.startsWith("mkinitrd."));
  const meant = nearest(key, known);
  return `known: ${known.join(", ")}${meant === undefined ? "" : `; did you mean ${meant}?`}`;
}

function readKeymap(draft: Draft, value = ""): string | undefined {
  if (!isKeymapName(value)) return "it is no keymap's name";
  draft.request.keymap = value;
  return undefined;
}

function readSpec(draft: Draft, value: string | undefined): undefined {
  if (value === undefined || value === "") draft.specs = [];
  else (draft.specs ??= []).push(value);
}

/** How long a disk may take to come: at least so long, whatever the image's own limit is. */
function readPatience(draft: Draft, value: string | undefined): string | undefined {
  const seconds = readSeconds(value);
  if (seconds === undefined) return NO_SECONDS;
  draft.request.leastTimeoutMs = Math.max(draft.request.leastTimeoutMs ?? 0, seconds * 1000);
  return undefined;
}

function readSeconds(value: string | undefined): number | undefined {
  return value !== undefined && /^\d{1,5}$/.test(value) && Number(value) <= LONGEST_TIMEOUT_SECONDS ? Number(value) : undefined;
}

function readBreak(draft: Draft, value = ""): string | undefined {
  const step = Object.hasOwn(BREAK_POINTS, value) ? BREAK_POINTS[value] : undefined;
  if (step === undefined) return `known: ${Object.keys(BREAK_POINTS).filter((point) => point !== "").join(", ")}`;
  draft.request.breakAt ??= step; // mkinitrd.break= is the exact word
  return undefined;
}

function refuseResume(draft: Draft): undefined {
  draft.noResume = true;
}

function refuseRoot(draft: Draft, reason: string): undefined {
  draft.refusal = reason;
}

function hasControl(text: string | undefined): boolean {
  return text !== undefined && /[\u0000-\u001f\u007f-\u009f]/.test(text);
}
