const MOST_BYTES = 8 * 1024 * 1024;

/** Everything that a guest wrote on its console, the oldest dropped beyond 8 MiB. */
export interface ConsoleLog {
  append(bytes: Buffer): void;
  /** As it came, escape sequences and all. */
  raw(): Buffer;
  /** For a person who reads it in an error or a file. */
  text(): string;
}

export function createConsoleLog(): ConsoleLog {
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  return {
    append(bytes) {
      chunks.push(bytes);
      sizeBytes += bytes.length;
      while (sizeBytes > MOST_BYTES && chunks.length > 1) sizeBytes -= chunks.shift()?.length ?? 0;
    },
    raw: () => Buffer.concat(chunks),
    text: () => cleanConsole(Buffer.concat(chunks).toString("utf8")),
  };
}

/** Console output without escape sequences (ECMA-48, section 5.4), carriage returns and other control characters. */
export function cleanConsole(text: string): string {
  return text
    .replace(/\x1b\[[0-?]*[ -/]*[@-~]/g, "") // control sequences: colours, cursor movements
    .replace(/\x1b[\]PX^_][^\x07\x1b\n]*(?:\x07|\x1b\\)?/g, "") // strings: titles
    .replace(/\x1b[ -/]*[0-~]/g, "") // everything else that begins with ESC
    .replace(/\r*\n/g, "\n")
    .replace(/\r+/g, "\n") // a line drawn over another
    .replace(/[\x00-\x08\x0b-\x1f\x7f]/g, "");
}

/** What TCG does to a guest now and then on a loaded host, before /init: the kernel's code patching and its timer races. */
const TCG_PANICS = [/Oops: int3/, /timer not connected to IO-APIC/, /soft lockup - CPU#\d+ stuck for \d+s! \[swapper\/\d+:1\]/];

/** True when the log shows one of TCG's own panics, or a processor that for ever repeats an instruction that is being patched, and /init had not begun. */
export function isTcgPanic(log: string): boolean {
  return TCG_PANICS.some((panic) => panic.test(log)) && !/Run \/\S+ as init process/.test(log);
}
