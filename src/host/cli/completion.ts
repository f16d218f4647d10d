import { Argument, Command } from "commander";
import { bashCompletion } from "./completion-bash.ts";
import { fishCompletion } from "./completion-fish.ts";
import { zshCompletion } from "./completion-zsh.ts";
import { type CommandDescription, describeCommands } from "./describe-program.ts";

const HELP = `
Made from what --help is made of: commands, options, and where a file or a directory stands.

  bash   mkinitrd completion bash > /etc/bash_completion.d/mkinitrd
  zsh    mkinitrd completion zsh > /usr/local/share/zsh/site-functions/_mkinitrd
  fish   mkinitrd completion fish > ~/.config/fish/completions/mkinitrd.fish`;

const SHELLS: Record<string, (commands: CommandDescription[]) => string> = { bash: bashCompletion, zsh: zshCompletion, fish: fishCompletion };

/** `mkinitrd completion`: the program's own description → a shell's completion. `loadCommands` gives every command. */
export function completionCommand(loadCommands: () => Promise<Command[]>): Command {
  return new Command("completion")
    .description("Prints the completion of the command line for a shell.")
    .addArgument(new Argument("<shell>", "the shell").choices(Object.keys(SHELLS)))
    .addHelpText("after", HELP)
    .action(async (shell: string) => void process.stdout.write(SHELLS[shell]!(describeCommands(await loadCommands()))));
}
