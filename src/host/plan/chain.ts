import { basename } from "node:path";
import type { ScriptFile } from "./facts.ts";
import { moduleName } from "./module-index.ts";
import type { Entry, Reason } from "./types.ts";

/** What stands in front of a script's own label: why it is in the image. */
export type ScriptCauses = (script: ScriptFile) => string[];

const RELATION = /^(dependency|softdep|weak dependency|firmware|interpreter|applet) of (.+)$/;
/** What a key of the configuration wants; more about it stands behind: `modules: auto, a device of this machine`. */
const KEY = /^(?:[a-z-]+: .|modprobe\.d$)/;

/**
 * The chain behind a reason, the first cause first: `dependency of dm_crypt, for rc.d/crypt.ts` of dm-mod.ko is `rc.d/crypt.ts`,
 * `MODULES dm_crypt`, `dependency`, with what `causes` says of the script in front. The last label leaves out the entry's own name.
 */
export function reasonChain({ path }: Pick<Entry, "path">, reason: Reason, scripts: readonly ScriptFile[], causes: ScriptCauses): string[] {
  const chain: string[] = []; // the last one first, as a reason is
  const steps = reason.split(", ");
  let subject = subjectOf(path); // what a step is about
  let own = ""; // its name, where it is not the entry itself
  let word = "library"; // how who is `for`ed needs it
  for (const [index, step] of steps.entries()) {
    const [, relation, object] = RELATION.exec(step) ?? [];
    const wanting = /^for (.+)$/.exec(step)?.[1];
    const script = scripts.find(({ source }) => source === (wanting ?? step));
    if (script !== undefined && wanting === undefined) return causes(script); // the script itself
    if (script !== undefined) return [...causes(script), script.source, wordOf(script, subject) + own, ...chain.toReversed()];
    if (KEY.test(step)) return [step, ...(index + 1 < steps.length ? [steps.slice(index + 1).join(", ")] : []), ...(own === "" ? [] : [subject]), ...chain.toReversed()];
    const isAskedFor = index === 0 && steps[1]?.startsWith("for ") === true; // by a name of its own: `libuuid.so.1, for cryptsetup`
    if (relation === undefined && wanting === undefined && isAskedFor) {
      if (step === "dynamic linker") word = step;
      else [subject, own] = [step, step === basename(path) ? "" : ` ${step}`];
      continue;
    }
    chain.push(...(relation !== undefined ? [relation + own] : wanting !== undefined ? [word + own] : own === "" ? [step] : [subject, step]));
    if (wanting !== undefined && index === steps.length - 1) chain.push(wanting); // what needs no reason: the runtime
    word = "library";
    subject = object ?? wanting ?? step;
    own = relation === undefined && wanting === undefined ? "" : ` ${subject}`;
  }
  return chain.toReversed();
}

/** The word of a script's header that asks for this. */
function wordOf({ header }: ScriptFile, subject: string): string {
  if (header.modules.some(({ name }) => moduleName(name) === moduleName(subject))) return "MODULES";
  if (header.programs.some(({ name }) => basename(name) === subject)) return "PROGRAMS";
  return header.libraries.some(({ name }) => name === subject) ? "LIBRARIES" : "needs";
}

/** What reasons call an entry: a module by its name, anything else by its file's. */
export function subjectOf(path: string): string {
  const name = basename(path);
  return name.endsWith(".ko") ? moduleName(name) : name;
}
