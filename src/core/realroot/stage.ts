import { MkinitrdError } from "../errors.ts";
import { nearest } from "../nearest.ts";
import { quote } from "../quote.ts";
import { splitWords } from "./words.ts";
import { normalizeDevice } from "./device.ts";
import { parseLineageOptions } from "./lineage-options.ts";
import { decodePart, encodePart } from "./percent.ts";
import type { KindSyntax, KindTable, Stage } from "./types.ts";

/** As the kernel and mount(8) name filesystems. */
const FSTYPE = /^[A-Za-z0-9][A-Za-z0-9._+-]{0,63}$/;
/**
 * A device-mapper name: DM_NAME_LEN is 128 with the NUL; `control` is device-mapper's own node. Of other characters
 * libdevmapper makes \xHH (its _is_whitelisted_char), and the mapping would have another name than the one that was asked for.
 */
const MAPNAME = /^(?!(?:control|\.\.?)$)[A-Za-z0-9#+.:=@_][A-Za-z0-9#+.:=@_-]*$/;
const MAPNAME_BYTES = 127;

/**
 * Reads one spec, `kind:fstype:device[:name][:options]`; docs/realroot.md is its grammar. The double quotes of a command line
 * are gone already. Throws on anything that the grammar or the kind's syntax does not know, naming what they know.
 */
export function parseStage(text: string, kinds: KindTable): Stage {
  const [kindPart = "", fstypePart = "", ...parts] = text.split(":");
  const kind = decode(text, kindPart);
  const syntax = syntaxOf(kind, kinds, text);
  if (parts.length > syntax.fields.length) {
    throw specError(text, `${parts.length + 2} fields; ${usage(kind, syntax)}`, "write a colon inside a field as %3A");
  }
  const field = (name: string) => parts[syntax.fields.indexOf(name)] ?? "";
  const { device, subvolume } = parseDevice(text, kind, syntax, field(placeField(syntax)));
  const name = parseName(text, field("name"));
  return {
    kind,
    fstype: parseFstype(text, fstypePart),
    device,
    ...(subvolume === undefined ? {} : { subvolume }),
    ...(name === "" ? {} : { name }),
    ...parseOptions(text, kind, syntax, field("options")),
  };
}

/** Reads stages that blanks separate; a stage that holds blanks stands in double quotes. */
export function parseRealroot(text: string, kinds: KindTable): Stage[] {
  return splitWords(text).map((word) => parseStage(word, kinds));
}

/** A stage as text that `parseStage` reads as the same stage. Throws when its kind has no such field. */
export function formatStage(stage: Stage, kinds: KindTable): string {
  const syntax = syntaxOf(stage.kind, kinds, stage.kind);
  const device = encodePart(stage.device) + (stage.subvolume === undefined ? "" : `@${encodePart(stage.subvolume)}`);
  const values: Record<string, string> = { [placeField(syntax)]: device, name: encodePart(stage.name ?? ""), options: formatOptions(stage) };
  const missing = Object.keys(values).find((field) => values[field] !== "" && !syntax.fields.includes(field));
  if (missing !== undefined) throw specError(stage.kind, `it has no field for ${missing}; ${usage(stage.kind, syntax)}`);
  const fields = [encodePart(stage.kind), encodePart(stage.fstype), ...syntax.fields.map((field) => values[field] ?? "")];
  while (fields.at(-1) === "") fields.pop();
  return fields.join(":");
}

/** Stages as text that `parseRealroot` reads as the same stages. */
export function formatRealroot(stages: readonly Stage[], kinds: KindTable): string {
  return stages.map((stage) => formatStage(stage, kinds)).join(" ");
}

function syntaxOf(kind: string, kinds: KindTable, text: string): KindSyntax {
  const syntax = Object.hasOwn(kinds, kind) ? kinds[kind] : undefined;
  if (syntax !== undefined) return syntax;
  const known = Object.keys(kinds).sort();
  const meant = nearest(kind, known);
  throw specError(text, `the kind ${quote(kind)}; known: ${known.length === 0 ? "none" : known.join(", ")}`,
    meant === undefined ? "an image serves the kinds in `realroots` of its configuration; a spec with blanks stands in double quotes" : `did you mean ${meant}?`);
}

function parseFstype(text: string, part: string): string {
  const fstype = decode(text, part);
  if (fstype === "" || fstype === "-") return "auto";
  if (!FSTYPE.test(fstype)) throw specError(text, `${quote(fstype)} is no filesystem's name`, "auto finds it out, none only opens");
  return fstype;
}

function parseDevice(text: string, kind: string, syntax: KindSyntax, part: string): { device: string; subvolume: string | undefined } {
  const at = part.indexOf("@");
  const subvolume = at < 0 ? undefined : decode(text, part.slice(at + 1));
  if (subvolume === "") throw specError(text, "no subvolume behind the @", "write an @ that belongs to the device's name as %40");
  const place = decode(text, at < 0 ? part : part.slice(0, at));
  const device = placeField(syntax) === "address" ? checkAddress(place) : normalizeDevice(kind, place);
  if ("reason" in device) throw specError(text, device.reason, usage(kind, syntax));
  return { device: device.text, subvolume };
}

/** What a stage's `device` is called in its kind's spec. */
function placeField({ fields }: KindSyntax): "device" | "address" {
  return fields.includes("address") ? "address" : "device";
}

/** Only the kind's own script knows what an address is. */
function checkAddress(text: string): { text: string } | { reason: string } {
  return text === "" ? { reason: "the address is empty" } : { text };
}

function parseName(text: string, part: string): string {
  const name = decode(text, part);
  const problem = name === "" ? undefined : checkMapname(name);
  if (problem === undefined) return name;
  throw specError(text, problem, `at most ${MAPNAME_BYTES} letters, digits and # + - . : = @ _, no dash in front, and not "control"`);
}

/** Why device-mapper takes no device of this name; undefined when it does. */
export function checkMapname(name: string): string | undefined {
  return MAPNAME.test(name) && Buffer.byteLength(name) <= MAPNAME_BYTES ? undefined : `${quote(name)} can't be a device-mapper name`;
}

function parseOptions(text: string, kind: string, syntax: KindSyntax, field: string): Pick<Stage, "options" | "mountOptions"> {
  const mountOptions: string[] = [];
  const options = new Map<string, string | true>();
  for (const [key, value] of field.startsWith("-") ? lineage() : typed()) {
    if (key.startsWith("mount.")) {
      const name = key.slice("mount.".length);
      if (name === "") throw specError(text, "no mount option behind mount.");
      mountOptions.push(value === true ? name : `${name}=${value}`);
      continue;
    }
    if (!optionKeys(syntax).includes(key)) throw unknownOption(text, kind, syntax, key);
    const before = options.get(key);
    if (before !== undefined && !(syntax.options.includes(`${key}+`) && typeof before === "string" && typeof value === "string")) {
      throw specError(text, `the option ${quote(key)} is there twice`);
    }
    options.set(key, before === undefined ? value : `${String(before)}\n${String(value)}`);
  }
  return { options: Object.fromEntries(options), mountOptions };

  function lineage(): [string, string | true][] {
    const result = parseLineageOptions(kind, field, optionKeys(syntax));
    if ("reason" in result) throw specError(text, result.reason);
    return result.options;
  }

  function typed(): [string, string | true][] {
    return field.split(",").filter((option) => option !== "").map((option) => {
      const equals = option.indexOf("=");
      if (equals < 0) return [decode(text, option), true];
      return [decode(text, option.slice(0, equals)), decode(text, option.slice(equals + 1))];
    });
  }
}

/** The keys without the `+` of those that may be given several times. */
export function optionKeys({ options }: KindSyntax): string[] {
  return options.map((key) => key.replace(/\+$/, ""));
}

function formatOptions(stage: Stage): string {
  const options = Object.entries(stage.options).flatMap(([key, value]) => eachValue(value).map((each) => [encodeKey(key), each] as const));
  const mountOptions = stage.mountOptions.map((option) => {
    const equals = option.indexOf("=");
    const key = equals < 0 ? option : option.slice(0, equals);
    return [`mount.${encodePart(key)}`, equals < 0 ? true : option.slice(equals + 1)] as const;
  });
  return [...options, ...mountOptions].map(([key, value]) => (value === true ? key : `${key}=${encodePart(value)}`)).join(",");
}

/** The values of an option, more than one when it was given several times. */
export function eachValue(value: string | true): (string | true)[] {
  return value === true ? [value] : value.split("\n");
}

/** A dash in front would make it the lineage's form, an equals sign would end it. */
function encodeKey(key: string): string {
  return encodePart(key, { also: /^-|=/g });
}

function unknownOption(text: string, kind: string, syntax: KindSyntax, key: string): MkinitrdError {
  const known = optionKeys(syntax).sort();
  const meant = nearest(key, known);
  const hint = meant === undefined ? "an option of mount(8) is written mount.OPTION" : `did you mean ${meant}?`;
  return specError(text, `the option ${quote(key)} of kind ${kind}; known: ${[...known, "mount.*"].join(", ")}`, hint);
}

function decode(text: string, part: string): string {
  const decoded = decodePart(part);
  if ("reason" in decoded) throw specError(text, decoded.reason);
  return decoded.text;
}

function usage(kind: string, syntax: KindSyntax): string {
  return `write ${[kind, "fstype", ...syntax.fields].join(":")}`;
}

function specError(text: string, found: string, next?: string): MkinitrdError {
  return new MkinitrdError({ tried: "reading the realroot spec", on: quote(text), found, ...(next === undefined ? {} : { next }) });
}
