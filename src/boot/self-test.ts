import { createHash } from "node:crypto";
import { PassThrough } from "node:stream";
import type { Console } from "./console.ts";
import { exec } from "./exec.ts";
import { createScreen } from "./tui/screen.ts";

const QUESTION = { volume: "/dev/self-test" };
/** Of the empty input; FIPS 180-4. */
const SHA256_OF_NOTHING = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/**
 * Does once what a boot does with Node: draws a prompt, takes an answer, hashes, runs a program. It touches nothing of
 * the machine, so that the builder can run it there. Prints its last line only when all went well; returns the status.
 * `words` stand in front of a program there, as those of an emulator.
 */
export async function selfTest(words: string[]): Promise<number> {
  const { terminal, drawn, type } = createSilentTerminal();
  const screen = createScreen({ terminals: [terminal], onPrompt: () => type(Buffer.from("typed\r")) });
  screen.show({ quiet: false, header: ["self-test"], stages: [{ name: "crypt", state: "key needed" }], volumes: ["disk"] });
  const answer = await screen.passphrase(QUESTION);
  await screen.close();
  const [starter = process.execPath, ...behind] = [...words, process.execPath];
  const { stdout } = await exec(starter, [...behind, "--version"]);
  const passed =
    answer.toString() === "typed" &&
    drawn().includes(QUESTION.volume) &&
    createHash("sha256").digest("hex") === SHA256_OF_NOTHING &&
    stdout.trim() === process.version;
  process.stdout.write(passed ? "self-test: done" : "self-test: failed");
  return passed ? 0 : 1;
}

/** A terminal that nobody sees; `type` gives whoever listens some keys. */
function createSilentTerminal(): { terminal: Console; drawn: () => string; type: (keys: Buffer) => void } {
  const output = Object.assign(new PassThrough(), { columns: 80, rows: 24, isTTY: true });
  const pieces: string[] = [];
  output.on("data", (piece) => pieces.push(String(piece)));
  let listener: ((keys: Buffer) => void) | undefined;
  const terminal: Console = {
    name: "/dev/tty0", // as one that has a size of its own
    output: output as unknown as NodeJS.WriteStream,
    isDumb: false,
    write: (text) => void output.write(text),
    listen(next) {
      listener = next;
      return () => (listener = undefined);
    },
    discard: () => {},
    onReopened: () => {},
    lend: (use) => use(),
    close: async () => {},
  };
  return { terminal, drawn: () => pieces.join(""), type: (keys) => setImmediate(() => listener?.(keys)) };
}
