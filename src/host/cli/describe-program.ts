import type { Argument, Command, Option } from "commander";

/** The command line as data: what shell completion and the man page are made of. */
export interface CommandDescription {
  name: string;
  description: string;
  options: OptionDescription[];
  arguments: ArgumentDescription[];
}

export interface OptionDescription {
  /** With its dashes: `-o`, `--output`. */
  short?: string;
  long?: string;
  /** What stands behind it: `file`; absent for one that stands alone. */
  value?: string;
  completes: Completes;
  /** The only values there are. */
  choices: string[];
  description: string;
  default?: string;
}

export interface ArgumentDescription {
  name: string;
  required: boolean;
  variadic: boolean;
  completes: Completes;
  choices: string[];
  description: string;
}

/** What may be completed in a place: paths of files, of directories, or nothing but the choices. */
export type Completes = "file" | "directory" | "nothing";

/** The names of values that are paths, as the commands' usage has them. */
const FILES = new Set(["file", "path", "image", "recipe", "disk", "archive", "a", "b"]);
const DIRECTORIES = new Set(["dir", "directory"]);

/** The commands of a program, by name, as commander knows them. */
export function describeCommands(commands: readonly Command[]): CommandDescription[] {
  return commands.map(describeCommand).sort((a, b) => (a.name < b.name ? -1 : 1));
}

function describeCommand(command: Command): CommandDescription {
  return {
    name: command.name(),
    description: command.description(),
    options: [...command.options.filter(({ hidden }) => !hidden).map(describeOption), { short: "-h", long: "--help", completes: "nothing", choices: [], description: "print this help" }],
    arguments: command.registeredArguments.map(describeArgument),
  };
}

function describeOption(option: Option): OptionDescription {
  const [, value] = /[<[]([^\]>]*?)(?:\.\.\.)?[\]>]/.exec(option.flags) ?? [];
  const isPlain = ["string", "number"].includes(typeof option.defaultValue) && option.defaultValue !== "";
  return {
    ...(option.short === undefined ? {} : { short: option.short }),
    ...(option.long === undefined ? {} : { long: option.long }),
    ...(value === undefined ? {} : { value }),
    completes: completes(value),
    choices: option.argChoices ?? [],
    description: option.description,
    ...(isPlain ? { default: String(option.defaultValue) } : {}),
  };
}

function describeArgument(argument: Argument): ArgumentDescription {
  const name = argument.name();
  return { name, required: argument.required, variadic: argument.variadic, completes: completes(name), choices: argument.argChoices ?? [], description: argument.description };
}

function completes(value: string | undefined): Completes {
  if (value === undefined) return "nothing";
  return FILES.has(value.toLowerCase()) ? "file" : DIRECTORIES.has(value.toLowerCase()) ? "directory" : "nothing";
}
