import type { ArgumentDescription, CommandDescription, Completes, OptionDescription } from "./describe-program.ts";

/** A function of zsh's completion system that completes the command line; zshcompsys(1), _arguments. */
export function zshCompletion(commands: CommandDescription[]): string {
  return `#compdef mkinitrd
# made by: mkinitrd completion zsh
_mkinitrd() {
  local -a commands=(
${[...commands, { name: "help", description: "print the help of a command" }].map(({ name, description }) => `    ${quoted(`${name}:${description}`)}`).join("\n")}
  )
  if (( CURRENT == 2 )); then _describe command commands; return; fi
  local command=$words[2]
  shift words
  (( CURRENT-- ))
  case $command in
    help) _describe command commands ;;
${commands.map(formatCommand).join("\n")}
  esac
}
if [[ $funcstack[1] == _mkinitrd ]]; then _mkinitrd "$@"; else compdef _mkinitrd mkinitrd; fi
`;
}

function formatCommand({ name, options, arguments: list }: CommandDescription): string {
  return `    ${name}) _arguments -s ${[...options.flatMap(optionSpecs), ...list.map(argumentSpec)].map(quoted).join(" ")} ;;`;
}

/** One for each of its names: an option may come several times. */
function optionSpecs({ short, long, value, description, ...rest }: OptionDescription): string[] {
  const tail = value === undefined ? "" : `:${escape(value)}:${action(rest)}`;
  return [short, long].filter((flag) => flag !== undefined).map((flag) => `*${flag}[${escape(description)}]${tail}`);
}

function argumentSpec({ name, variadic, required, ...rest }: ArgumentDescription, index: number): string {
  return variadic ? `*:${escape(name)}:${action(rest)}` : `${index + 1}:${required ? "" : ":"}${escape(name)}:${action(rest)}`;
}

function action({ completes, choices }: { completes: Completes; choices: string[] }): string {
  if (choices.length > 0) return `(${choices.join(" ")})`;
  return { file: "_files", directory: "_files -/", nothing: " " }[completes];
}

/** What _arguments reads as its own. */
function escape(text: string): string {
  return text.replace(/[\\:[\]]/g, "\\$&");
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
