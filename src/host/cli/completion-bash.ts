import type { Completes, CommandDescription, OptionDescription } from "./describe-program.ts";

/** A bash script that completes the command line. It calls no program. */
export function bashCompletion(commands: CommandDescription[]): string {
  const names = [...commands.map(({ name }) => name), "help"].join(" ");
  const values = commands.flatMap(({ name, options }) => options.filter(({ value }) => value !== undefined).map((option) => `    ${patternOf(name, option)}) ${complete(option)}; return ;;`));
  const words = commands.map(({ name, options }) => `    ${name}) options=${quoted(options.flatMap(({ short, long }) => [short, long].filter((flag) => flag !== undefined)).join(" "))} ;;`);
  const places = commands.flatMap(({ name, arguments: list }) => (list[0] === undefined ? [] : [`    ${name}) ${complete(list[0])} ;;`]));
  return `# bash completion for mkinitrd; made by: mkinitrd completion bash
_mkinitrd_words() { COMPREPLY=($(compgen -W "$1" -- "$current")); }
_mkinitrd_paths() {
  local IFS=$'\\n'
  COMPREPLY=($(compgen "$1" -- "$current"))
  compopt -o filenames 2>/dev/null # bash 4
  return 0
}
_mkinitrd() {
  local current=\${COMP_WORDS[COMP_CWORD]} before=\${COMP_WORDS[COMP_CWORD-1]} command= options='-h --help -V --version' i
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    case \${COMP_WORDS[i]} in -*) ;; *) command=\${COMP_WORDS[i]}; break ;; esac
  done
  case $command$before in
${values.join("\n")}
  esac
  case $command in
${words.join("\n")}
  esac
  if [[ $current == -* ]]; then _mkinitrd_words "$options"; return; fi
  case $command in
    '' | help) _mkinitrd_words ${quoted(names)} ;;
${places.join("\n")}
  esac
}
complete -F _mkinitrd mkinitrd
`;
}

function patternOf(command: string, { short, long }: OptionDescription): string {
  return [short, long].filter((flag) => flag !== undefined).map((flag) => `${command}${flag}`).join(" | ");
}

function complete({ completes, choices }: { completes: Completes; choices: string[] }): string {
  if (choices.length > 0) return `_mkinitrd_words ${quoted(choices.join(" "))}`;
  return { file: "_mkinitrd_paths -f", directory: "_mkinitrd_paths -d", nothing: ":" }[completes];
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
