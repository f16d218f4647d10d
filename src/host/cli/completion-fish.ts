import type { CommandDescription, Completes, OptionDescription } from "./describe-program.ts";

/** A fish script that completes the command line. */
export function fishCompletion(commands: CommandDescription[]): string {
  const names = commands.map(({ name }) => name);
  return [
    "# fish completion for mkinitrd; made by: mkinitrd completion fish",
    "complete -c mkinitrd -f",
    ...commands.map(({ name, description }) => `complete -c mkinitrd -n __fish_use_subcommand -a ${name} -d ${quoted(description)}`),
    `complete -c mkinitrd -n __fish_use_subcommand -a help -d 'print the help of a command'`,
    `complete -c mkinitrd -n '__fish_seen_subcommand_from help' -a ${quoted(names.join(" "))}`,
    ...commands.flatMap(({ name, options, arguments: list }) => [
      ...options.map((option) => `complete -c mkinitrd -n '__fish_seen_subcommand_from ${name}' ${optionWords(option)} -d ${quoted(option.description)}`),
      ...(list[0] === undefined ? [] : [list[0]]).flatMap((argument) => {
        const words = valueWords(argument);
        return words === "" ? [] : [`complete -c mkinitrd -n '__fish_seen_subcommand_from ${name}' ${words}`];
      }),
    ]),
    "",
  ].join("\n");
}

function optionWords(option: OptionDescription): string {
  const { short, long, value } = option;
  return [short && `-s ${short.slice(1)}`, long && `-l ${long.slice(2)}`, value !== undefined && (option.completes === "nothing" ? "-x" : "-r"), value !== undefined && valueWords(option)].filter(Boolean).join(" ");
}

function valueWords({ completes, choices }: { completes: Completes; choices: string[] }): string {
  if (choices.length > 0) return `-a ${quoted(choices.join(" "))}`;
  return { file: "-F", directory: "-a '(__fish_complete_directories)'", nothing: "" }[completes];
}

function quoted(text: string): string {
  return `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
}
