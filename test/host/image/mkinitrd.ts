import { vi } from "vitest";
import { run } from "../../../src/host/cli/program.ts";

/** Runs a command line; gives its exit code and what it printed: standard output as bytes, too. */
export async function mkinitrd(...words: string[]): Promise<{ code: number; out: string; bytes: Buffer; errors: string }> {
  const [bytes, errors]: Buffer[][] = [[], []];
  const line = (to: Buffer[]) => (text: unknown) => void to.push(Buffer.from(`${String(text)}\n`));
  const spies = [
    vi.spyOn(process.stdout, "write").mockImplementation((piece) => bytes!.push(Buffer.from(piece as Uint8Array)) > 0),
    vi.spyOn(console, "log").mockImplementation(line(bytes!)),
    vi.spyOn(console, "error").mockImplementation(line(errors!)),
  ];
  try {
    process.exitCode = 0;
    await run(words);
    return { code: Number(process.exitCode), out: Buffer.concat(bytes!).toString(), bytes: Buffer.concat(bytes!), errors: Buffer.concat(errors!).toString() };
  } finally {
    process.exitCode = undefined;
    for (const spy of spies) spy.mockRestore();
  }
}
