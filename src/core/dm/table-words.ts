import { MkinitrdError } from "../errors.ts";
import { quote } from "../quote.ts";
import type { Device } from "./device.ts";

/** Gives the device of a path or MAJOR:MINOR; undefined when there is none. */
export type Resolve = (text: string) => Device | undefined;

/** The words of one line of a table behind the target's type, taken one by one. What is not as it must be throws. */
export class TableWords {
  private readonly words: string[];
  private readonly line: string;
  private readonly resolve: Resolve;
  private next = 0;

  constructor(words: string[], line: string, resolve: Resolve) {
    this.words = words;
    this.line = line;
    this.resolve = resolve;
  }

  get isEmpty(): boolean {
    return this.next >= this.words.length;
  }

  word(what: string): string {
    const word = this.words[this.next++];
    if (word === undefined) throw this.failure(`it ends before ${what}`);
    return word;
  }

  /** The word that comes next, without taking it. */
  peek(): string | undefined {
    return this.words[this.next];
  }

  /** A whole number of bytes or sectors, from `least` on. */
  number(what: string, least = 0): number {
    const word = this.word(what);
    const value = Number(word);
    // Times 512, so that every byte that the line speaks of is an exact number.
    if (/^\d+$/.test(word) && Number.isSafeInteger(value * 512) && value >= least) return value;
    throw this.failure(`${what} is ${quote(word)}, and no whole number from ${least}`);
  }

  device(what: string): Device {
    const word = this.word(what);
    const device = this.resolve(word);
    if (device === undefined) throw this.failure(`${what} is ${quote(word)}, which is no device at hand`, "name the disk or image that it is on as well");
    return device;
  }

  /** A device, or undefined for `-`. */
  deviceOrNone(what: string): Device | undefined {
    if (this.peek() !== "-") return this.device(what);
    this.next++;
    return undefined;
  }

  /** So many words as the next one says. */
  counted(what: string): string[] {
    return this.many(this.number(`the number of ${what}`), what);
  }

  /** Optional ones: none when the line ends here. */
  options(what: string): string[] {
    return this.isEmpty ? [] : this.counted(what);
  }

  many(count: number, what: string): string[] {
    const left = this.words.length - this.next;
    if (count > left) throw this.failure(`${count} ${what} are announced, ${left} words are left`);
    this.next += count;
    return this.words.slice(this.next - count, this.next);
  }

  rest(): string[] {
    return this.many(this.words.length - this.next, "words");
  }

  /** Throws when words are left. */
  end(): void {
    if (!this.isEmpty) throw this.failure(`${quote(this.words.slice(this.next).join(" "))} is left at its end`);
  }

  failure(found: string, next?: string): MkinitrdError {
    return new MkinitrdError({ tried: "reading a device-mapper table", on: quote(this.line), found, ...(next === undefined ? {} : { next }) });
  }
}
