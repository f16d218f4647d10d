import { printable } from "../../core/quote.ts";

/** Prints what went wrong, on standard error. A disk may have had a say in it: nothing that a terminal obeys gets through. */
export function complain(text: string): void {
  console.error(`mkinitrd: ${printable(text)}`);
}
