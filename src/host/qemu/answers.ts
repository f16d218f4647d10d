import { statSync } from "node:fs";
import { z } from "zod";
import { parseYaml } from "../config/yaml-document.ts";
import { readText } from "../read-text.ts";
import type { Guest } from "./guest.ts";

/** What to type at which prompt: a text on the screen → what is typed each time that it appears anew, in order. */
export type Answers = Record<string, string[]>;

const LOOK_FOR_MS = 24 * 60 * 60 * 1000;
const BEFORE_TYPING_MS = 150; // as a person would: who asks may still be setting its terminal up

const secret = z.union([z.string(), z.number().transform(String)]);

/** `Passphrase for /dev/vda2: correct horse`, or a list where the prompt comes again. */
export const answersSchema = z.record(z.string().min(1), z.union([secret, z.array(secret).min(1)]))
  .transform((answers): Answers => Object.fromEntries(Object.entries(answers).map(([prompt, secrets]) => [prompt, [secrets].flat()])));

/** Reads a file of answers; `warn` is told when others on this machine may read it, too. */
export function readAnswers(file: string, warn: (text: string) => void): Answers {
  const text = readText(file, { tried: "reading the answers" });
  if (((statSync(file, { throwIfNoEntry: false })?.mode ?? 0) & 0o077) !== 0) warn(`${file} holds secrets and others may read it: chmod 600 ${file}`);
  return parseYaml(answersSchema, text, file);
}

/** Types the answers, each when its prompt appears, until all are typed or the guest is gone. Ends by itself; never throws. */
export async function typeAnswers(guest: Guest, answers: Answers): Promise<void> {
  const left = new Map(Object.entries(answers).map(([prompt, secrets]) => [prompt, [...secrets]]));
  const ended = new AbortController();
  void guest.exited.then(() => ended.abort());
  while (left.size > 0 && !ended.signal.aborted) {
    const prompts = new RegExp([...left.keys()].map((prompt) => prompt.replace(/[.*+?^${}()|[\]\\/]/g, "\\$&")).join("|"));
    const seen = await guest.terminal.waitFor(prompts, { timeoutMs: LOOK_FOR_MS, signal: ended.signal }).catch(() => undefined);
    if (seen === undefined) return;
    await new Promise((resolve) => setTimeout(resolve, BEFORE_TYPING_MS));
    for (const [prompt, secrets] of left) {
      if (!seen.includes(prompt)) continue;
      guest.type(`${secrets.shift() ?? ""}\r`);
      if (secrets.length === 0) left.delete(prompt);
      break;
    }
  }
}
