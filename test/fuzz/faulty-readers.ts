import type { TextReader } from "./text-readers.ts";

const held: Buffer[] = [];
const kept: unknown[] = [];

/** Readers that do what none may: for the test that this is seen. They are not among those that can be asked for. */
export const FAULTY_READERS: Record<string, TextReader> = {
  "faulty-throws": { samples: ["a b"], run: (text) => { if (text.includes("512")) throw new TypeError("no property of undefined"); } },
  "faulty-hangs": { samples: ["a b"], run: () => { for (;;); } },
  "faulty-grows": { samples: ["a b"], run: () => { for (;;) kept.push({ kept: [kept.length] }); } },
  "faulty-holds": { samples: ["a b"], run: () => void held.push(Buffer.alloc(65 * 1024 * 1024)) },
};
