import { quote } from "../quote.ts";
import { normalizeDevice } from "./device.ts";
import type { BootRequest, Stage } from "./types.ts";

/** What a boot with this request will do, in sentences without a full stop; the last ones are its warnings. */
export function explainRealroot(request: BootRequest): string[] {
  const last = request.stages.length - 1;
  const root = request.stages[last];
  return [
    ...request.stages.flatMap((stage, index) => explainStage(stage, index === last, request.stages)),
    ...(request.atHand ?? []).flatMap((stage) => explainStage(stage, false).map((sentence) => `${sentence}, when what is looked for isn't there without`)),
    ...explainResume(request),
    root === undefined ? "names no root: the boot can't go on" : explainMount(root, request),
    ...explainFsck(request),
    ...explainHandOver(request),
    ...explainKnobs(request),
    ...request.warnings.map((warning) => `warning: ${warning}`),
  ];
}

/** Opening a stage; nothing for a local one that only is mounted. */
function explainStage(stage: Stage, isRoot: boolean, others: Stage[] = []): string[] {
  const { kind, device, options } = stage;
  const rest = { ...options };
  const sentence = (text: string, ...taken: string[]) => {
    for (const key of taken) delete rest[key];
    const words = Object.entries(rest).flatMap(([key, value]) => (value === true ? key : value.split("\n").map((each) => `${key}=${each}`)));
    return [words.length === 0 ? text : `${text}, with ${words.join(", ")}`];
  };
  switch (kind) {
    case "local":
      if (!isRoot || Object.keys(options).length > 0) return sentence(`waits for ${device}`);
      return explainLogicalVolume(device, others);
    case "crypt":
      return sentence(`opens ${device} (${options["type"] === "plain" ? "plain dm-crypt" : "LUKS"}) as ${mappingName(stage)}; ${explainKey(stage)}`, "keyfile", "type");
    case "lvm": {
      const [vg, lv] = device.split("/");
      return sentence(`activates logical volume ${lv} of volume group ${vg}`);
    }
    case "md":
      return sentence(`assembles the md array ${device}`);
    case "tcplay":
      return sentence(`opens ${device} (${TCRYPT_TYPES[String(options["type"])] ?? "TrueCrypt or VeraCrypt"}) as ${mappingName(stage)}; ${explainTcryptKeys(stage)}`, "type", "keyfile", "no-passphrase", "protect-hidden", "keyfile-hidden");
    default:
      return sentence(`opens ${device}${stage.name === undefined ? "" : ` as ${stage.name}`} (kind ${kind})`);
  }
}

/** `/dev/VG/LV` and `/dev/mapper/VG-LV` may be a logical volume that nobody named by its kind. */
function explainLogicalVolume(device: string, others: Stage[]): string[] {
  const isMapping = others.some((stage) => stage.name !== undefined && device === `/dev/mapper/${stage.name}`);
  const isLink = /^\/dev\/(disk|block|mapper\/(luks|md)-)/.test(device);
  const logical = normalizeDevice("lvm", device);
  if (!device.startsWith("/dev/") || isMapping || isLink || "reason" in logical) return [];
  const [vg, lv] = logical.text.split("/");
  return [`activates logical volume ${lv} of volume group ${vg}, if that is what ${device} is`];
}

function mappingName(stage: Stage): string {
  return stage.name ?? (stage.kind === "crypt" ? "luks-UUID" : "tcrypt-DEVICE");
}

function explainKey(stage: Stage): string {
  const { keyfile } = stage.options;
  return typeof keyfile === "string" ? `reads its key from ${keyfile}` : "asks for its passphrase";
}

const TCRYPT_TYPES: Record<string, string> = { truecrypt: "TrueCrypt", veracrypt: "VeraCrypt" };

/** Key files stand beside the passphrase and not in its place. */
function explainTcryptKeys({ options }: Stage): string {
  const files = (key: string) => (typeof options[key] === "string" ? ` and reads ${options[key].replaceAll("\n", ", ")}` : "");
  const hidden = options["protect-hidden"] ? `; asks for that of the hidden volume, which it protects${files("keyfile-hidden")}` : "";
  if (options["no-passphrase"]) return `needs no passphrase${files("keyfile")}${hidden}`;
  return `asks for its passphrase${files("keyfile")}${hidden}`;
}

function explainResume({ resume, stages }: BootRequest): string[] {
  if (resume === undefined) return [];
  const where = resume.offsetPages === 0 ? resume.device : `page ${resume.offsetPages} of ${resume.device}`;
  return [...explainLogicalVolume(resume.device, stages), `resumes from ${where} in place of all below, if a hibernation image is there`];
}

function explainMount(root: Stage, request: BootRequest): string {
  const what = ["local", "lvm", "md"].includes(root.kind) ? root.device : root.name === undefined ? `what ${root.device} holds` : `/dev/mapper/${root.name}`;
  const subvolume = root.subvolume === undefined ? "" : `, subvolume ${root.subvolume},`;
  const fstype = root.fstype === "auto" ? "whichever filesystem it has" : root.fstype;
  const options = [request.readonly ? "ro" : "rw", ...request.rootflags, ...root.mountOptions];
  return `mounts ${what}${subvolume} as the root: ${fstype}, ${options.join(",")}`;
}

function explainHandOver({ init, initArguments }: BootRequest): string[] {
  const words = initArguments.map((argument) => (/^[\w./=:@+-]+$/.test(argument) ? argument : quote(argument))).join(" ");
  if (init === undefined && words === "") return [];
  return [`starts ${init ?? "the root's own init"}${words === "" ? "" : ` with ${words}`}`];
}

const FSCK_MODES = { auto: "checks", force: "checks, even where it is marked clean,", skip: "does not check" };
const FSCK_REPAIRS = { preen: "what is safe is corrected", yes: "everything is corrected", no: "nothing is corrected" };

function explainFsck({ fsck: { mode = "auto", repair = "preen" } = {} }: BootRequest): string[] {
  if (mode === "auto" && repair === "preen") return [];
  return [`${FSCK_MODES[mode]} the root's filesystem${mode === "skip" ? "" : `, where the image has the program: ${FSCK_REPAIRS[repair]}`}`];
}

function explainKnobs({ breakAt, shell, timeoutMs, leastTimeoutMs, quiet, debug, keymap }: BootRequest): string[] {
  return [
    ...(timeoutMs === undefined ? [] : [`waits at most ${timeoutMs / 1000} s for a device`]),
    ...(leastTimeoutMs === undefined || timeoutMs !== undefined ? [] : [`waits at least ${leastTimeoutMs / 1000} s for a device before it gives up`]),
    ...(breakAt === undefined ? [] : [`stops before the step ${breakAt}, where the image's policy allows`]),
    ...(shell === undefined ? [] : [shell ? "gives a shell on failure, where the image's policy allows" : "gives no shell on failure"]),
    ...(keymap === undefined ? [] : [`begins with the keymap ${keymap}, if the image has it`]),
    ...(quiet ? ["shows nothing but prompts and errors"] : []),
    ...(debug ? ["shows the whole log"] : []),
  ];
}
