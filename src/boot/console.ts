import { closeSync, constants, openSync, readFileSync, readSync } from "node:fs";
import { isatty, ReadStream, WriteStream } from "node:tty";

/** A terminal that a person sits at. Keys come as bytes, never as strings. */
export interface Console {
  /** `/dev/ttyS0` */
  name: string;
  readonly output: NodeJS.WriteStream;
  /** It can't move its cursor. */
  readonly isDumb: boolean;
  write(text: string): void;
  /** Starts reading keys, for one listener at a time; each piece is wiped behind it. Returns what stops it again. */
  listen(listener: (bytes: Buffer) => void): () => void;
  /** Drops the keys that were typed and that nobody has read. */
  discard(): void;
  /** Called when the line had hung up and the terminal is open anew: what was drawn and typed on it is gone. */
  onReopened(handler: () => void): void;
  /** Lets a program use the terminal meanwhile, with echo and line editing. */
  lend<T>(use: () => Promise<T>): Promise<T>;
  /** Gives the terminal back as it was found, when what was written to it is out or has had a second to be. */
  close(): Promise<void>;
}

const ACTIVE = "/sys/class/tty/console/active";
const KEYS_BYTES = 4096;
/** A terminal that was stopped (Scroll Lock, flow control) takes nothing until it goes on. */
const WRITTEN_WITHIN_MS = 1000;
/** How soon a line that has hung up is tried again, at first and at the slowest; each time in vain, or without a key between two of them, it takes twice as long. */
const [REOPEN_FIRST_MS, REOPEN_SLOWEST_MS] = [500, 32_000];
/** What TERM says of a line that no cursor moves on; terminfo has the first two. */
const DUMB = ["dumb", "unknown", ""];
const FLAGS = constants.O_RDWR | constants.O_NOCTTY | constants.O_NONBLOCK;

/**
 * Opens the terminals that the kernel writes to, the one behind /dev/console last. Never /dev/console itself, from which
 * another reader would take half of the keys.
 */
export function openConsoles(): Console[] {
  return activeConsoles().flatMap((name) => {
    try {
      return [openTerminal(`/dev/${name}`)];
    } catch {
      return []; // a ttyS without hardware gives EIO
    }
  });
}

/** tty0, the virtual console in front, or one by its number: the kernel's own terminal, which is called `linux`. */
export function isVirtualConsole(path: string): boolean {
  return /^\/dev\/tty\d+$/.test(path);
}

function activeConsoles(): string[] {
  try {
    return readFileSync(ACTIVE, "latin1").trim().split(/\s+/).filter(Boolean);
  } catch {
    return [];
  }
}

/** Opens a terminal by its path, in raw mode. Throws when it is none. */
export function openTerminal(path: string): Console {
  let listener: ((bytes: Buffer) => void) | undefined;
  // A stream that was started and stopped in one turn reads once all the same: those keys are for the next listener.
  const kept = Buffer.allocUnsafeSlow(KEYS_BYTES);
  let keptBytes = 0;
  let reopenMs = REOPEN_FIRST_MS;
  const hear = (bytes: Buffer) => {
    reopenMs = REOPEN_FIRST_MS;
    if (listener === undefined) keptBytes += bytes.copy(kept, keptBytes);
    else listener(bytes);
    return listener !== undefined;
  };
  const hearKept = (now = listener) => {
    const bytes = kept.subarray(0, keptBytes);
    keptBytes = 0;
    now?.(bytes);
    bytes.fill(0);
  };
  let reopened = () => {};
  let timer: NodeJS.Timeout | undefined;
  let isAway = false; // lent, or given back
  let { fd, input, output } = open();

  function open(): ReturnType<typeof openStreams> {
    const streams = openStreams(path, hear);
    streams.input.once("close", () => streams.input === input && !isAway && hungUp());
    return streams;
  }

  /** The end of what can be read: on unplugging, or as vhangup(2) does it, every open file of the terminal is dead then, and a new one lives. */
  function hungUp(): void {
    fd = -1; // the number may be another file's by now
    output.destroy();
    hearKept(() => {});
    timer = setTimeout(() => reopen() && reopened(), reopenMs).unref();
    reopenMs = Math.min(2 * reopenMs, REOPEN_SLOWEST_MS);
  }

  function reopen(): boolean {
    try {
      ({ fd, input, output } = open());
    } catch {
      hungUp(); // it is not plugged in
      return false;
    }
    if (listener !== undefined) input.resume();
    return true;
  }

  /** Gives it back; what is done meanwhile is no hanging up. */
  async function close(): Promise<void> {
    isAway = true;
    clearTimeout(timer);
    await closeStreams(input, output);
  }

  return {
    name: path,
    get output() {
      return output;
    },
    isDumb: DUMB.includes(process.env["TERM"] ?? "") && !isVirtualConsole(path),
    write: (text) => void output.write(text),
    listen(next) {
      listener = next;
      input.resume();
      if (keptBytes > 0) queueMicrotask(() => listener === next && hearKept());
      return () => {
        if (listener !== next) return;
        listener = undefined;
        input.pause();
      };
    },
    discard() {
      hearKept(() => {});
      discardTyped(fd);
    },
    onReopened: (handler) => void (reopened = handler),
    async lend(use) {
      await close();
      try {
        return await use();
      } finally {
        isAway = false;
        // When a shell that had it as its controlling terminal ends, the kernel hangs up every open file of it.
        reopen();
      }
    },
    close() {
      hearKept(() => {});
      return close();
    },
  };
}

function openStreams(path: string, hear: (bytes: Buffer) => boolean): { fd: number; input: ReadStream; output: WriteStream } {
  const fd = openSync(path, FLAGS);
  if (!isatty(fd)) {
    closeSync(fd);
    throw new Error(`${path} is no terminal`);
  }
  // Into one buffer of our own: a stream's own buffers are copied, queued and dropped with the passphrase in them.
  const buffer = Buffer.allocUnsafeSlow(KEYS_BYTES);
  const callback = (count: number) => {
    const goOn = hear(buffer.subarray(0, count));
    buffer.fill(0, 0, count);
    return goOn;
  };
  const input = new ReadStream(fd, { onread: { buffer, callback } });
  const output = new WriteStream(openSync(path, FLAGS));
  writeInBackground(output);
  for (const stream of [input, output]) stream.on("error", () => {}); // a line that hangs up: nobody is there to be told
  giveSize(output);
  input.setRawMode(true);
  discardTyped(fd);
  return { fd, input, output };
}

/** Keys from before the screen stood: some were lost, some may have been echoed. They are no answer to any question. */
function discardTyped(fd: number): void {
  const bytes = Buffer.allocUnsafeSlow(KEYS_BYTES);
  try {
    while (readSync(fd, bytes) > 0) bytes.fill(0);
  } catch {
    // EAGAIN: nothing is left.
  } finally {
    bytes.fill(0);
  }
}

/** Node makes writing to a terminal wait for it; one that somebody has stopped must not hold up the others and the boot. */
function writeInBackground(output: WriteStream): void {
  const { _handle: handle } = output as unknown as { _handle?: { setBlocking?(on: boolean): number } };
  handle?.setBlocking?.(false);
}

async function closeStreams(input: ReadStream, output: WriteStream): Promise<void> {
  input.setRawMode(false);
  input.destroy();
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, WRITTEN_WITHIN_MS);
  output.write("", () => resolve());
  await promise;
  clearTimeout(timer);
  output.destroy();
}

/** A serial line has no size: 80×24 then. Ink would ask other programs for it. */
function giveSize(output: WriteStream): void {
  if (!output.columns) output.columns = 80;
  if (!output.rows) output.rows = 24;
}
