import { Command, CommanderError } from "commander";
import { explain, MkinitrdError } from "../../core/errors.ts";
import { nearest } from "../../core/nearest.ts";
import { printableLine } from "../../core/quote.ts";
import { describeIoError } from "../read-text.ts";
import { EXIT, exitCodesHelp } from "./exit-codes.ts";
import packageJson from "../../../package.json" with { type: "json" };
import { complain } from "./complain.ts";

/** Command name → its factory, loaded only when it is asked for: one command does not wait for another's libraries. */
export type CommandTable = Record<string, () => Promise<Command>>;

const COMMANDS: CommandTable = {
  audit: async () => (await import("./audit.ts")).auditCommand(),
  build: async () => (await import("./build.ts")).buildCommand(),
  boot: async () => (await import("./boot.ts")).bootCommand(),
  cat: async () => (await import("./cat.ts")).catCommand(),
  "cat-file": async () => (await import("./cat-file.ts")).catFileCommand(),
  check: async () => (await import("./check.ts")).checkCommand(),
  completion: async () => (await import("./completion.ts")).completionCommand(loadCommands),
  diff: async () => (await import("./diff.ts")).diffCommand(),
  disk: async () => (await import("./disk.ts")).diskCommand(),
  dmsetup: async () => (await import("./dmsetup.ts")).dmsetupCommand(),
  dump: async () => (await import("./dump.ts")).dumpCommand(),
  extract: async () => (await import("./extract.ts")).extractCommand(),
  inspect: async () => (await import("./inspect.ts")).inspectCommand(),
  ls: async () => (await import("./ls.ts")).lsCommand(),
  init: async () => (await import("./init.ts")).initCommand(),
  install: async () => (await import("./install.ts")).installCommand(),
  realroot: async () => (await import("./realroot.ts")).realrootCommand(),
  size: async () => (await import("./size.ts")).sizeCommand(),
  why: async () => (await import("./why.ts")).whyCommand(),
};

/** Every command there is: what completions and man pages are made of. */
export function loadCommands(): Promise<Command[]> {
  return Promise.all(Object.values(COMMANDS).map((load) => load()));
}

const NODE_MAJOR = 26; // zstd, argon2 and type stripping

const HELP = `
${exitCodesHelp()}

Start here:
  mkinitrd init                  write a mkinitrd.config.yaml for this machine
  mkinitrd build                 make an image from mkinitrd.config.yaml
  mkinitrd boot IMAGE --disk D   boot it in a virtual machine, with the console attached
  mkinitrd help COMMAND          all options of a command

MKINITRD_CACHE   where layers, kernels and disks are kept (default: ~/.cache/mkinitrd)
MKINITRD_DEBUG=1 shows where in the program an error came from`;

/**
 * Runs a command line (without the program's own name) and sets process.exitCode: 0, 1 for a failure, 2 for a wrong
 * command line. Never throws: an error is printed on standard error as one message without a stack.
 */
export async function run(words: string[], commands: CommandTable = COMMANDS): Promise<void> {
  endWithTheOutput(words);
  if (process.env["MKINITRD_DEBUG"] !== "1") process.removeAllListeners("warning"); // Node's words for those who write programs
  try {
    requireNode();
    const program = await programFor(words, commands);
    await program.parseAsync(words, { from: "user" });
  } catch (error) {
    process.exitCode = exitStatus(error);
  }
}

/** The program with the one command that the words name, or with all of them where none is named. */
async function programFor(words: string[], commands: CommandTable): Promise<Command> {
  const program = new Command("mkinitrd")
    .description("Builds an initrd that runs Node.js and TypeScript rc scripts, and boots real roots on LUKS and LVM with it.")
    .version(packageJson.version, "-V, --version", "print the version")
    .helpOption("-h, --help", "print this help; also after a command")
    .helpCommand("help [command]", "print the help of a command")
    .addHelpText("after", HELP)
    .showSuggestionAfterError()
    .exitOverride();
  const named = words.find((word) => !word.startsWith("-") && word !== "help") ?? "";
  const [first, wanted] = words;
  if (first === "help" && wanted !== undefined && !Object.hasOwn(commands, wanted)) program.error(`error: unknown command '${printableLine(wanted)}'${didYouMean(wanted, Object.keys(commands))}`, { code: "commander.unknownCommand" });
  const factories = Object.hasOwn(commands, named) ? [commands[named]!] : Object.values(commands);
  for (const load of factories) program.addCommand(inherit(program, await load()));
  return program;
}

function didYouMean(word: string, known: readonly string[]): string {
  const meant = nearest(word, known);
  return meant === undefined ? "" : `\n(Did you mean ${meant}?)`;
}

/** A wrong option of a subcommand ends with our exit code, too. */
function inherit(parent: Command, command: Command): Command {
  command.copyInheritedSettings(parent);
  for (const child of command.commands) inherit(command, child);
  return command;
}

function exitStatus(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage; // it has printed its message
  complain(explain(error));
  if (process.env["MKINITRD_DEBUG"] === "1") console.error(error);
  return EXIT.failed;
}

function requireNode(): void {
  if (Number(process.versions.node.split(".")[0]) >= NODE_MAJOR) return;
  throw new MkinitrdError({
    tried: "starting mkinitrd",
    on: process.execPath,
    found: `this is Node ${process.versions.node}, it needs ${NODE_MAJOR} or newer`,
    next: "npm run mkinitrd -- ARGUMENTS uses the pinned one",
  });
}

/** Commands whose work is not what they print: it is done also when nobody reads any more. */
const WORKERS = ["build", "disk", "dump", "extract", "init", "install"];

/** `mkinitrd realroot … | head` ends without a word; `mkinitrd … > FILE` on a full filesystem is an error. */
function endWithTheOutput(words: string[]): void {
  const works = words.some((word) => WORKERS.includes(word));
  for (const stream of [process.stdout, process.stderr]) {
    stream.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "EPIPE") return works ? undefined : process.exit();
      if (stream === process.stdout) console.error(`mkinitrd: writing standard output: ${describeIoError(error)}`);
      process.exit(EXIT.failed);
    });
  }
}
