import { nearest } from "../nearest.ts";
import { quote } from "../quote.ts";
import type { Word } from "./words.ts";
import { DEVICE_TAGS, normalizeDevice } from "./device.ts";
import type { BootRequest, KindTable, Stage } from "./types.ts";

/** What the words have said so far. The translated ones become stages when all words are read. */
export interface Draft {
  request: BootRequest;
  /** The values of `realroot=` since the last empty one; undefined when the word is not there. */
  specs?: string[];
  root?: string;
  rootfstype?: string;
}

/** Takes one word into the draft; returns why it can't be used, if so. `value` is undefined for a word without `=`. */
type Reader = (draft: Draft, value: string | undefined) => string | undefined;

const LONGEST_TIMEOUT_SECONDS = 24 * 60 * 60;

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
  quiet: (draft) => {
    draft.request.quiet = true;
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
    if (value === undefined || !/^\d{1,5}$/.test(value) || Number(value) > LONGEST_TIMEOUT_SECONDS) {
      return `it is no number of seconds from 0 to ${LONGEST_TIMEOUT_SECONDS}`;
    }
    draft.request.timeoutMs = Number(value) * 1000;
  },
  "mkinitrd.log": (draft, value) => {
    if (value !== "debug") return "known: debug";
    draft.request.debug = true;
  },
};

/** Of those, the ones that a sealed image obeys all the same: they open nothing, run nothing and choose nothing. */
export const HARMLESS_WORDS = ["quiet"];

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

/**
 * The stages that other tools' words ask for. Which of them are used when the image has a spec of its own, command-line.ts
 * decides. A word that can't be used adds a warning to the request.
 */
export function translateWords(draft: Draft, kinds: KindTable): Stage[] {
  if (draft.root === undefined) return [];
  const refuse = (reason: string): Stage[] => {
    draft.request.warnings.push(`root=${quote(draft.root ?? "")}: ${reason}`);
    return [];
  };
  if (!Object.hasOwn(kinds, "local")) return refuse("this image does not serve the kind local");
  const path = draft.root.replace(/^block:/, ""); // dracut.cmdline(7)
  const isTag = DEVICE_TAGS.some((tag) => path.startsWith(`${tag}=`));
  if ((!isTag && !path.startsWith("/dev/")) || ["/dev/nfs", "/dev/ram0"].includes(path)) {
    return refuse(`it is no device that can be looked for; known: a path in /dev, ${DEVICE_TAGS.map((tag) => `${tag}=`).join(", ")}`);
  }
  if (hasControl(path)) return refuse("it holds a control character");
  const device = normalizeDevice("local", path);
  if ("reason" in device) return refuse(device.reason);
  return [{ kind: "local", fstype: rootFstype(draft), device: device.text, options: {}, mountOptions: [] }];
}

function rootFstype(draft: Draft): string {
  const fstype = draft.rootfstype ?? "auto";
  if (/^[A-Za-z0-9][A-Za-z0-9._+-]{0,63}$/.test(fstype)) return fstype;
  // The kernel tries each type of a list in turn: the probe knows which it is.
  if (!/^[A-Za-z0-9,._+-]+$/.test(fstype)) draft.request.warnings.push(`rootfstype=${quote(fstype)}: it is no filesystem's name`);
  return "auto";
}

function readSpec(draft: Draft, value: string | undefined): undefined {
  if (value === undefined || value === "") draft.specs = [];
  else (draft.specs ??= []).push(value);
}

function hasControl(text: string | undefined): boolean {
  return text !== undefined && /[\u0000-\u001f\u007f-\u009f]/.test(text);
}
