/** The parts of an error that a person reads: what was tried, on what, what was found, what to do next. */
export interface Failure {
  tried: string;
  on: string;
  found: string;
  next?: string;
  cause?: unknown;
  /** Every passphrase that the person may try was wrong. */
  exhausted?: boolean;
}

/** The one error class. Its message is `TRIED on ON: FOUND`, with a second line `  next: NEXT` where there is one. */
export class MkinitrdError extends Error {
  readonly tried: string;
  readonly on: string;
  readonly found: string;
  readonly next: string | undefined;
  readonly exhausted: boolean;

  constructor(failure: Failure) {
    super(formatFailure(failure), failure.cause === undefined ? undefined : { cause: failure.cause });
    this.name = "MkinitrdError";
    this.tried = failure.tried;
    this.on = failure.on;
    this.found = failure.found;
    this.next = failure.next;
    this.exhausted = failure.exhausted === true;
  }
}

/** `TRIED on ON: FOUND`, and the next step on a line of its own. */
export function formatFailure(failure: Failure): string {
  const text = `${failure.tried} on ${failure.on}: ${failure.found}`;
  return failure.next === undefined ? text : `${text}\n  next: ${failure.next}`;
}

/** What to print for anything that was thrown: our own message, or one line of a foreign error, never a stack. */
export function explain(error: unknown): string {
  if (error instanceof MkinitrdError) return error.message;
  if (error instanceof Error) return `${error.name}: ${error.message}`;
  return String(error);
}

/** A 32-bit number as eight hexadecimal digits: 0x1f0c22ab. */
export function hex32(value: number): string {
  return `0x${(value >>> 0).toString(16).padStart(8, "0")}`;
}
