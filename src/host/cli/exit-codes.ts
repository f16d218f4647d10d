/** Every exit code of the program. The table of docs/mkinitrd.md, the man page and `--help` are made of this. */
export const EXIT = {
  /** It worked. */
  ok: 0,
  /** It failed: the reason is on standard error. */
  failed: 1,
  /** The command line was wrong: nothing was done. */
  usage: 2,
  /** It worked, and the answer is one that a script has to know of. */
  found: 3,
} as const;

export type ExitName = keyof typeof EXIT;

/** What each code means, for every command that says nothing else of it. */
const GENERAL: Partial<Record<ExitName, string>> = {
  ok: "it worked",
  failed: "it failed; the reason is on standard error",
  usage: "the command line was wrong; nothing was done",
};

/** What a code means for one command, where that is more than it means in general. */
const OF_COMMANDS: Record<string, Partial<Record<ExitName, string>>> = {
  audit: {
    ok: "no secrets, or only its owner may read each of them",
    failed: "it failed: no image, or one that can't be read",
    found: "somebody else may read the image or a secret in it: marked with !",
  },
  boot: {
    ok: "the expected text came, or without --expect the guest powered itself off",
    failed: "it did not come in time, or the guest rebooted, panicked or was ended from here",
  },
  check: {
    ok: "nothing that the boot needs is missing, as far as anybody can see",
    failed: "it would not boot: the lines with x say why; or it failed, and the reason is on standard error",
  },
  diff: {
    ok: "the images hold the same",
    failed: "they differ",
    usage: "trouble: an image that can't be read, or a wrong command line",
  },
  dump: {
    ok: "all was written, whole",
    failed: "something could not be read: it is missing, or with --fill zeros in its place; or it failed altogether",
  },
  inspect: {
    failed: "it failed, or a volume could not be opened; the reason is on standard error",
  },
};

export interface ExitCode {
  code: number;
  meaning: string;
}

/** The codes of a command, or of those that have none of their own, by number. */
export function exitCodes(command?: string): ExitCode[] {
  const own = command !== undefined && Object.hasOwn(OF_COMMANDS, command) ? OF_COMMANDS[command] : undefined;
  return (Object.keys(EXIT) as ExitName[]).flatMap((name) => {
    const meaning = own?.[name] ?? GENERAL[name];
    return meaning === undefined ? [] : [{ code: EXIT[name], meaning }];
  });
}

/** The commands that have codes of their own. */
export function commandsWithExitCodes(): string[] {
  return Object.keys(OF_COMMANDS).sort();
}

/** The paragraph of `--help`, without a line feed around it. */
export function exitCodesHelp(command?: string): string {
  return ["Exit codes:", ...exitCodes(command).map(({ code, meaning }) => `  ${code}  ${meaning}`)].join("\n");
}
