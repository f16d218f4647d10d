import { nearest } from "../nearest.ts";
import { quote } from "../quote.ts";
import { checkStageOptions } from "./check-options.ts";
import { joinWord, splitCommandLine, type Word } from "./words.ts";
import { type Draft, explainUnknownKnob, HARMLESS_WORDS, isInitArgument, newDraft, WORDS } from "./foreign.ts";
import { parseRealroot, parseStage } from "./stage.ts";
import { translateResume, translateWords } from "./translate.ts";
import type { BootRequest, KindTable, Stage } from "./types.ts";

export interface CommandLineOptions {
  /** The kinds that the image serves. */
  kinds: KindTable;
  /** The spec baked into the image, stages separated by blanks; empty for none. */
  defaultRealroot: string;
  /** Whoever edits the command line is the attacker: only the default spec counts. */
  sealed: boolean;
  /** What somebody who may do so has chosen for this boot; it stands in place of all other specs. */
  chosen?: string;
}

const MOST_WARNINGS = 20;
/** As long as the word itself, but for a letter or two: other words are other programs'. */
const LIKE_REALROOT = /^[a-z]{6,10}$/i;

/**
 * What the text of a kernel command line asks of this boot. The stages are those of `realroot=`, else those that other tools'
 * words are translated into, else the default's; an empty `realroot=` drops the default too. Throws when a spec that is to be
 * used is wrong; any other word that can't be used is a warning.
 */
export function parseCommandLine(text: string, options: CommandLineOptions): BootRequest {
  const { words, behindDashes } = splitAtDashes(splitCommandLine(text));
  const draft = newDraft(emptyRequest());
  const sealedWords = new Set<string>();
  for (const word of words) {
    if (options.sealed && !HARMLESS_WORDS.includes(word.key)) {
      if (isOurs(word)) sealedWords.add(word.key);
    } else {
      readWord(draft, word);
    }
  }
  const { request } = draft;
  if (options.sealed) {
    if (behindDashes.length > 0) sealedWords.add("--");
    if (sealedWords.size > 0) request.warnings.push(`this image is sealed, ignored: ${[...sealedWords].slice(0, MOST_WARNINGS).map(shown).join(", ")}`);
  } else {
    request.initArguments.push(...behindDashes.map(joinWord));
  }
  request.stages = chooseStages(draft, options);
  translateResume(draft);
  openRoot(request);
  limitWarnings(request);
  return request;
}

function emptyRequest(): BootRequest {
  return { stages: [], readonly: true, rootflags: [], initArguments: [], quiet: false, debug: false, warnings: [] };
}

/** As the kernel's parse_args: what follows the first `--` is init's. */
function splitAtDashes(words: Word[]): { words: Word[]; behindDashes: Word[] } {
  const dashes = words.findIndex(({ key, value }) => key === "--" && value === undefined);
  if (dashes < 0) return { words, behindDashes: [] };
  return { words: words.slice(0, dashes), behindDashes: words.slice(dashes + 1) };
}

function isOurs(word: Word): boolean {
  return Object.hasOwn(WORDS, word.key) || isInitArgument(word) || word.key.startsWith("mkinitrd.");
}

function readWord(draft: Draft, word: Word): void {
  const { warnings, initArguments } = draft.request;
  const read = Object.hasOwn(WORDS, word.key) ? WORDS[word.key] : undefined;
  if (read !== undefined) {
    const reason = read(draft, word.value);
    if (reason !== undefined) warnings.push(`${word.key}${word.value === undefined ? "" : `=${quote(word.value)}`}: ${reason}`);
  } else if (isInitArgument(word)) {
    initArguments.push(word.key);
  } else if (word.key.startsWith("mkinitrd.")) {
    warnings.push(`${shown(word.key)}: ${explainUnknownKnob(word.key)}`);
  } else if (word.value?.includes(":") && LIKE_REALROOT.test(word.key) && nearest(word.key, ["realroot"]) !== undefined) {
    warnings.push(`${word.key}=${quote(word.value)}: no word that is known here; did you mean realroot?`);
  }
}

function chooseStages(draft: Draft, { kinds, defaultRealroot, chosen }: CommandLineOptions): Stage[] {
  if (chosen !== undefined) return parseRealroot(chosen, kinds);
  const { specs, root, crypt, request } = draft;
  if (specs === undefined || specs.length === 0) return translateWords(draft, kinds, specs === undefined ? parseRealroot(defaultRealroot, kinds) : []);
  const stages = specs.map((spec) => parseStage(spec, kinds));
  checkStageOptions(stages);
  if (root !== undefined && root !== stages.at(-1)?.device) request.warnings.push(`root=${quote(root)}: the realroot of the command line is used`);
  if (crypt.volumes.length > 0) request.warnings.push(`${crypt.volumes[0]?.word}: the realroot of the command line is used`);
  return stages;
}

/** The last stage is the root whatever its fstype: `none` there can only mean that nobody said which. */
function openRoot(request: BootRequest): void {
  const root = request.stages.at(-1);
  if (root?.fstype !== "none") return;
  request.stages[request.stages.length - 1] = { ...root, fstype: "auto" };
  request.warnings.push("the last stage is the root and has the filesystem none: it is found out");
}

function limitWarnings(request: BootRequest): void {
  const more = request.warnings.length - MOST_WARNINGS;
  if (more > 0) request.warnings.splice(MOST_WARNINGS, more, `and ${more} more words that can't be used`);
}

function shown(key: string): string {
  return /^[A-Za-z0-9._-]{1,60}$/.test(key) ? key : quote(key);
}
