import { afterEach, beforeEach, vi } from "vitest";

/** What the commands of one test have printed so far. */
export interface Captured {
  out: string;
  errors: string;
}

/** Takes what every test of a file prints, and begins each with nothing printed and no exit code. To be called once, outside of the tests. */
export function captureConsole(): Captured {
  const captured: Captured = { out: "", errors: "" };
  beforeEach(() => {
    Object.assign(captured, { out: "", errors: "" });
    vi.spyOn(console, "log").mockImplementation((text: string) => void (captured.out += `${text}\n`));
    vi.spyOn(console, "error").mockImplementation((text: string) => void (captured.errors += `${text}\n`));
    vi.spyOn(process.stderr, "write").mockImplementation(() => true);
    process.exitCode = undefined;
  });
  afterEach(() => {
    vi.restoreAllMocks();
    process.exitCode = undefined;
  });
  return captured;
}
