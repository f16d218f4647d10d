import { quote } from "../quote.ts";
import { normalizeDevice } from "./device.ts";
import type { Draft } from "./foreign.ts";
import { cryptStages } from "./foreign-crypt.ts";
import { readForeignDevice, readRootFstype } from "./foreign-root.ts";
import type { KindTable, Stage } from "./types.ts";

/**
 * The stages that other tools' words ask for, in place of `defaults`, the image's own. Words that name no root add what they
 * open to the defaults; a `root=` that is what the defaults mount leaves them as they are. Of defaults that another root
 * replaces, the encrypted volumes stay at hand (`request.atHand`). A word that can't be used adds a warning to the request.
 */
export function translateWords(draft: Draft, kinds: KindTable, defaults: Stage[]): Stage[] {
  const { request } = draft;
  const warn = (text: string) => void request.warnings.push(text);
  const openers = [...mdStages(draft, kinds, warn), ...cryptStages(draft.crypt, kinds, warn)];
  const root = rootStage(draft, kinds, openers);
  if (root === undefined) {
    if (defaults.length === 0) {
      if (openers.length > 0) warn("what the words open holds no root yet: there is no root=");
      return [];
    }
    return [...openers.filter((opener) => !defaults.some((stage) => isSameVolume(stage, opener))), ...defaults];
  }
  const last = defaults.at(-1);
  if (last !== undefined && openers.length === 0 && namesRootOf(root, last)) return defaults;
  const opening = defaults.filter(({ kind }) => kinds[kind]?.fields.includes("name"));
  const atHand = opening.filter((stage) => !openers.some((opener) => isSameVolume(stage, opener)));
  if (atHand.length > 0) request.atHand = atHand.map((stage) => ({ ...stage, fstype: "none", mountOptions: [] }));
  return [...openers, root];
}

/** The root itself: `lvm` where rd.lvm.* names its volume or group, else `local`, which activates what it lies on too. */
function rootStage(draft: Draft, kinds: KindTable, openers: Stage[]): Stage | undefined {
  const { root, request } = draft;
  if (root === undefined) return undefined;
  const refuse = (reason: string): undefined => void request.warnings.push(`root=${quote(root)}: ${reason}`);
  if (draft.refusal !== undefined) return refuse(draft.refusal);
  const device = readForeignDevice(root);
  if ("reason" in device) return refuse(device.reason);
  const fstype = readRootFstype(draft.rootfstype ?? "auto");
  if ("reason" in fstype) request.warnings.push(`rootfstype=${quote(draft.rootfstype ?? "")}: it is no filesystem's name`);
  const rest = { fstype: "text" in fstype ? fstype.text : "auto", options: {}, mountOptions: [] };
  const logical = normalizeDevice("lvm", device.text);
  const isNamed = "text" in logical && draft.lvm.some((name) => name === logical.text || name === logical.text.split("/")[0]);
  const isMapping = openers.some(({ name }) => name !== undefined && device.text === `/dev/mapper/${name}`);
  if (isNamed && !isMapping && Object.hasOwn(kinds, "lvm")) return { kind: "lvm", device: logical.text, ...rest };
  if (!Object.hasOwn(kinds, "local")) return refuse("this image does not serve the kind local");
  return { kind: "local", device: device.text, ...rest };
}

/** `rd.md.uuid=`: the arrays come before the encrypted volumes that lie on them. */
function mdStages(draft: Draft, kinds: KindTable, warn: (text: string) => void): Stage[] {
  if (draft.md.length === 0) return [];
  if (!Object.hasOwn(kinds, "md")) {
    for (const uuid of draft.md) warn(`rd.md.uuid=${quote(uuid)}: this image does not serve the kind md`);
    return [];
  }
  return draft.md.map((uuid) => ({ kind: "md", fstype: "none", device: `UUID=${uuid}`, options: {}, mountOptions: [] }));
}

function isSameVolume(a: Stage, b: Stage): boolean {
  return a.kind === b.kind && (a.device === b.device || (a.name !== undefined && a.name === b.name));
}

/** Whether `root=` only says again what the image's own root is: its device, its mapping, or its logical volume. */
function namesRootOf(root: Stage, last: Stage): boolean {
  if (root.device === last.device) return true;
  const [, uuid] = /^UUID=(.+)$/.exec(last.device) ?? [];
  const name = last.name ?? (last.kind === "crypt" && uuid !== undefined ? `luks-${uuid}` : undefined);
  if (name !== undefined && root.device === `/dev/mapper/${name}`) return true;
  const [a, b] = [normalizeDevice("lvm", root.device), normalizeDevice("lvm", last.device)];
  return last.kind === "lvm" && "text" in a && "text" in b && a.text === b.text;
}

/** What is to be resumed from, if anything; a `resume=` that can't be used adds a warning. */
export function translateResume({ resume, resumeOffsetPages = 0, noResume, request }: Draft): void {
  if (resume === undefined || noResume === true) return;
  const device = readForeignDevice(resume);
  if ("reason" in device) request.warnings.push(`resume=${quote(resume)}: ${device.reason}`);
  else request.resume = { device: device.text, offsetPages: resumeOffsetPages };
}
