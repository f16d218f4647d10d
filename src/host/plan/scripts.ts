import type { BootKind, BootStep } from "../../core/rc/boot-config.ts";
import { MkinitrdError } from "../../core/errors.ts";
import { nearest } from "../../core/nearest.ts";
import { orderSteps } from "../../core/rc/order.ts";
import { checkStageOptions } from "../../core/realroot/check-options.ts";
import { parseRealroot } from "../../core/realroot/stage.ts";
import type { KindTable, Stage } from "../../core/realroot/types.ts";
import type { ImageConfig, ScriptFile } from "./facts.ts";

/** The scripts of an image, and what the boot has to know of them. */
export interface ChosenScripts {
  scripts: ScriptFile[];
  steps: BootStep[];
  kinds: Record<string, BootKind>;
  encrypted: boolean;
  /** Of the default spec. */
  stages: Stage[];
}

/**
 * The scripts without KEYWORD, those of the kinds that the configuration or its default spec names, and all of the user's own; in order.
 * Throws on a default spec that is wrong, on a kind that no script serves, and on what can't be ordered.
 */
export function chooseScripts(all: readonly ScriptFile[], config: ImageConfig): ChosenScripts {
  const stages = parseRealroot(config.realroot, allKinds(all));
  checkStageOptions(stages);
  const own = all.filter(({ origin }) => origin === "configuration"); // who names a script wants its kind
  const wanted = new Set([...config.realroots, ...stages.map(({ kind }) => kind), ...own.flatMap(({ header }) => header.keyword)]);
  const scripts = config.onlyScripts === undefined ? chooseByKind(all.filter(({ origin }) => origin !== "images"), wanted) : config.onlyScripts.map((name) => scriptNamed(all, name));
  checkNames(scripts);
  const serving = scripts.flatMap((script) => script.header.keyword.map((kind) => ({ kind, script })));
  return {
    scripts,
    steps: orderSteps(scripts).map(({ name, require }) => ({ name, script: scriptPath(name), require })),
    kinds: Object.fromEntries(serving.map(({ kind, script }) => [kind, bootKind(script)])),
    encrypted: serving.some(({ script }) => script.header.encrypted),
    stages,
  };
}

/** Relative to /usr/lib/mkinitrd. */
export function scriptPath(name: string): string {
  return `rc.d/${name}.js`;
}

function allKinds(all: readonly ScriptFile[]): KindTable {
  return Object.fromEntries(all.flatMap(({ header: { keyword, fields, options } }) => keyword.map((kind) => [kind, { fields, options }])));
}

function chooseByKind(all: readonly ScriptFile[], wanted: Set<string>): ScriptFile[] {
  const served = new Map<string, ScriptFile>();
  for (const script of all) {
    for (const kind of script.header.keyword) {
      const other = served.get(kind);
      if (other !== undefined) throw chooseError(`${other.source} and ${script.source} both serve the realroot kind "${kind}"`, "give yours another KEYWORD");
      served.set(kind, script);
    }
  }
  for (const kind of wanted) {
    if (served.has(kind)) continue;
    const known = [...served.keys()].sort();
    const meant = nearest(kind, known);
    throw chooseError(`no script serves the realroot kind "${kind}"; known: ${known.join(", ")}`, meant && `did you mean ${meant}?`);
  }
  return all.filter(({ header }) => header.keyword.length === 0 || header.keyword.some((kind) => wanted.has(kind)));
}

/** Each is a file of its own in the image. */
function checkNames(scripts: readonly ScriptFile[]): void {
  const named = new Map<string, ScriptFile>();
  for (const script of scripts) {
    const other = named.get(script.name);
    if (other !== undefined) throw chooseError(`${other.source} and ${script.source} would both be ${scriptPath(script.name)} in the image`, "give yours another file name");
    named.set(script.name, script);
  }
}

function scriptNamed(all: readonly ScriptFile[], name: string): ScriptFile {
  const script = all.find((each) => each.name === name);
  if (script !== undefined) return script;
  throw chooseError(`there is no script "${name}"; known: ${all.map((each) => each.name).sort().join(", ")}`);
}

function bootKind({ name, header }: ScriptFile): BootKind {
  return { script: scriptPath(name), fields: header.fields, options: header.options, encrypted: header.encrypted };
}

function chooseError(found: string, next?: string): MkinitrdError {
  return new MkinitrdError({ tried: "choosing the rc scripts", on: "the image plan", found, ...(next === undefined ? {} : { next }) });
}
