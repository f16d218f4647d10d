import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describeCommands } from "../cli/describe-program.ts";
import { loadCommands } from "../cli/program.ts";
import { SCHEMA_FILE } from "../config/schema-line.ts";
import { fillPage } from "./fill.ts";
import { configJsonSchema } from "./json-schema.ts";
import { manPage, type ManPage } from "./man.ts";
import { commandsReference, exitCodesReference, keysReference } from "./reference.ts";

/** The day that the manual pages say; to be set with a change of what they say. */
const DATE = "2026-11-21";

/** The manual pages, each of a page of docs/. */
const PAGES: (Pick<ManPage, "name" | "section" | "about"> & { page: string })[] = [
  { name: "mkinitrd", section: 8, about: "builds and tries initrds that run Node.js and TypeScript rc scripts", page: "docs/mkinitrd.md" },
  { name: "mkinitrd.config.yaml", section: 5, about: "what mkinitrd build makes", page: "docs/config.md" },
  { name: "mkinitrd-realroot", section: 7, about: "which root to boot, and what to open on the way there", page: "docs/realroot.md" },
];

/**
 * Every file of this package that is made of its sources, by path: the JSON Schema, the pages of docs/ that hold tables of
 * commands, keys and exit codes, and the manual pages. `root` is the top of the package.
 */
export async function madeFiles(root: string): Promise<Map<string, string>> {
  const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { version: string };
  const schema = configJsonSchema();
  const made = { commands: commandsReference(describeCommands(await loadCommands())), "exit-codes": exitCodesReference(), keys: keysReference(schema) };
  const files = new Map([[SCHEMA_FILE, `${JSON.stringify(schema, null, 2)}\n`]]);
  for (const { page, ...about } of PAGES) {
    const text = fillPage(readFileSync(join(root, page), "utf8"), page, made);
    files.set(page, text);
    files.set(`man/${about.name}.${about.section}`, manPage({ ...about, text, version, date: DATE }));
  }
  return files;
}
