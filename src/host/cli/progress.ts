/** Says what is going on while a command works. */
export interface ProgressLine {
  /** Replaces what was said before on a terminal; a line of its own elsewhere. */
  say(text: string): void;
  /** Clears the line: what follows is a result or an error. */
  end(): void;
}

/** Progress on standard error: one line that is written over on a terminal, plain lines where it is none. */
export function progressLine(stream: NodeJS.WriteStream = process.stderr): ProgressLine {
  const rewrites = stream.isTTY === true;
  return {
    say: (text) => void stream.write(rewrites ? `\r\x1b[K${text.slice(0, (stream.columns || 80) - 1)}` : `${text}\n`),
    end: () => void (rewrites && stream.write("\r\x1b[K")),
  };
}
