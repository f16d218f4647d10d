import { closeSync, constants, openSync, readFileSync, readSync } from "node:fs";
import { isatty, ReadStream, WriteStream } from "node:tty";

/** A terminal that a person sits at. Keys come as bytes, never as strings. */
export interface Console {
  /** `/dev/ttyS0` */
  name: string;
  readonly output: NodeJS.WriteStream;
  write(text: string): void;
  /** Starts reading keys; each piece is the listener's to wipe. Returns what stops it again. */
  listen(listener: (bytes: Buffer) => void): () => void;
  /** Lets a program use the terminal meanwhile, with echo and line editing. */
  lend<T>(use: () => Promise<T>): Promise<T>;
  /** Gives the terminal back as it was found. */
  close(): void;
}

const ACTIVE = "/sys/class/tty/console/active";
const FLAGS = constants.O_RDWR | constants.O_NOCTTY | constants.O_NONBLOCK;

/**
 * Opens the terminal behind /dev/console: the last of the active consoles, or the one before where that has no hardware.
 * Never /dev/console itself, from which another reader would take half of the keys. Undefined when there is none.
 */
export function openConsole(): Console | undefined {
  for (const name of activeConsoles().reverse()) {
    try {
      return openTerminal(`/dev/${name}`);
    } catch {
      // A ttyS without hardware gives EIO: the next one.
    }
  }
  return undefined;
}

function activeConsoles(): string[] {
  try {
    return readFileSync(ACTIVE, "latin1").trim().split(/\s+/).filter(Boolean);
  } catch {
    return [];
  }
}

function openTerminal(path: string): Console {
  let { input, output } = openStreams(path);
  return {
    name: path,
    get output() {
      return output;
    },
    write: (text) => void output.write(text),
    listen(listener) {
      input.on("data", listener);
      input.resume();
      return () => {
        input.off("data", listener);
        input.pause();
      };
    },
    async lend(use) {
      closeStreams(input, output);
      try {
        return await use();
      } finally {
        // When a shell that had it as its controlling terminal ends, the kernel hangs up every open file of it.
        ({ input, output } = openStreams(path));
      }
    },
    close: () => closeStreams(input, output),
  };
}

function openStreams(path: string): { input: ReadStream; output: WriteStream } {
  const fd = openSync(path, FLAGS);
  if (!isatty(fd)) {
    closeSync(fd);
    throw new Error(`${path} is no terminal`);
  }
  const input = new ReadStream(fd);
  const output = new WriteStream(openSync(path, FLAGS));
  for (const stream of [input, output]) stream.on("error", () => {}); // a line that hangs up: nobody is there to be told
  giveSize(output);
  input.setRawMode(true);
  discardTyped(fd);
  return { input, output };
}

/** Keys from before the screen stood: some were lost, some may have been echoed. They are no answer to any question. */
function discardTyped(fd: number): void {
  const bytes = Buffer.allocUnsafeSlow(4096);
  try {
    while (readSync(fd, bytes) > 0) bytes.fill(0);
  } catch {
    // EAGAIN: nothing is left.
  } finally {
    bytes.fill(0);
  }
}

function closeStreams(input: ReadStream, output: WriteStream): void {
  input.setRawMode(false);
  input.destroy();
  output.end();
}

/** A serial line has no size: 80×24 then. Ink would ask other programs for it. */
function giveSize(output: WriteStream): void {
  if (!output.columns) output.columns = 80;
  if (!output.rows) output.rows = 24;
}
