import { MkinitrdError } from "../errors.ts";
import { nearest } from "../nearest.ts";
import type { RcHeader } from "./header.ts";

/** A boot step and the names of the steps that it waits for, sorted. */
export interface OrderedStep {
  name: string;
  require: string[];
}

interface Script {
  name: string;
  header: Pick<RcHeader, "provide" | "require" | "before" | "keyword">;
}

/**
 * The scripts that are boot steps, each behind all that it requires; among steps that could come next the name decides, so
 * that the order does not depend on the order given. A script with KEYWORD is no step. Throws on a requirement that nobody
 * provides, a name that two provide, and a cycle.
 */
export function orderSteps(scripts: readonly Script[]): OrderedStep[] {
  const steps = scripts.filter(({ header }) => header.keyword.length === 0).sort(byName);
  const kinds = scripts.filter(({ header }) => header.keyword.length > 0);
  const providers = findProviders(steps);
  const requirements = findRequirements(steps, providers, kinds);
  const ordered: OrderedStep[] = [];
  const waiting = new Set(steps.map(({ name }) => name));
  while (waiting.size > 0) {
    const ready = [...waiting].find((name) => requirementsOf(name).every((required) => !waiting.has(required)));
    if (ready === undefined) throw cycleError(findCycle([...waiting], requirementsOf));
    waiting.delete(ready);
    ordered.push({ name: ready, require: requirementsOf(ready) });
  }
  return ordered;

  function requirementsOf(name: string): string[] {
    return [...(requirements.get(name) ?? [])].sort();
  }
}

/** Which step provides a name: its own and those of PROVIDE. */
function findProviders(steps: Script[]): Map<string, string> {
  const providers = new Map<string, string>();
  for (const { name, header } of steps) {
    for (const provided of new Set([name, ...header.provide])) {
      const other = providers.get(provided);
      if (other !== undefined) {
        throw orderError(other === name ? `two scripts are called "${name}"` : `${other} and ${name} both provide "${provided}"`);
      }
      providers.set(provided, name);
    }
  }
  return providers;
}

/** For each step the steps that come before it: those it requires, and those that say BEFORE it. */
function findRequirements(steps: Script[], providers: Map<string, string>, kinds: Script[]): Map<string, Set<string>> {
  const requirements = new Map<string, Set<string>>(steps.map(({ name }) => [name, new Set()]));
  for (const { name, header } of steps) {
    for (const required of header.require) requirements.get(name)?.add(provider(required, `${name} requires`));
    for (const later of header.before) requirements.get(provider(later, `${name} comes before`))?.add(name);
  }
  return requirements;

  function provider(wanted: string, who: string): string {
    const found = providers.get(wanted);
    if (found !== undefined) return found;
    const known = [...providers.keys()].sort();
    if (kinds.some(({ name }) => name === wanted)) {
      throw orderError(`${who} "${wanted}", which serves a realroot kind and is no step; steps: ${known.join(", ")}`);
    }
    const meant = nearest(wanted, known);
    throw orderError(`${who} "${wanted}", which nobody provides; provided: ${known.join(", ")}`,
      meant === undefined ? undefined : `did you mean ${meant}?`);
  }
}

/** Follows the first unmet requirement of each step until one comes up again; every step given must have one. */
function findCycle(waiting: string[], requirementsOf: (name: string) => string[]): string[] {
  const path: string[] = [];
  let name = waiting[0];
  while (name !== undefined && !path.includes(name)) {
    path.push(name);
    name = requirementsOf(name).find((required) => waiting.includes(required));
  }
  const cycle = path.slice(path.indexOf(name ?? ""));
  return [...cycle, cycle[0] ?? ""];
}

function byName(a: Script, b: Script): number {
  return a.name < b.name ? -1 : a.name > b.name ? 1 : 0;
}

function cycleError(cycle: string[]): MkinitrdError {
  return orderError(`${cycle.join(" → ")} is a cycle`, "each requires the one behind its arrow: remove one REQUIRE or BEFORE");
}

function orderError(found: string, next?: string): MkinitrdError {
  return new MkinitrdError({ tried: "ordering rc.d", on: "the image plan", found, ...(next === undefined ? {} : { next }) });
}
