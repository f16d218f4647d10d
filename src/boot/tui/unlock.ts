import type { UnlockAttempt, UnlockQuestion } from "../../core/rc/types.ts";
import { copyOfSecret } from "./secret-line.ts";
import type { StageState } from "./state.ts";

const WRONG_PASSPHRASE = "Wrong passphrase: it opens no keyslot.";

export interface UnlockOptions {
  /** Asks with this reason why the answer before was wrong; undefined when the question was taken away. */
  ask(question: UnlockQuestion, wrong: string | undefined): Promise<Buffer | undefined>;
  /** What was typed for a volume does not open it. */
  wrong(): void;
  /** What is being tried, while it takes; undefined behind it. */
  showBusy(text: string | undefined): void;
}

export interface Unlock {
  /** As Ask.unlock; `report` hears how far it is. */
  unlock(question: UnlockQuestion, open: (passphrase: Buffer, attempt: UnlockAttempt) => Promise<boolean>, report?: (state: StageState) => void): Promise<"opened" | "exhausted" | "withdrawn">;
  /** Wipes the passphrases that opened something. */
  forget(): void;
}

/** Its turn may be long in coming. */
function withdrawal(signal: AbortSignal | undefined): Promise<"withdrawn"> {
  return new Promise((resolve) => signal?.addEventListener("abort", () => resolve("withdrawn"), { once: true }));
}

/** Asks for passphrases, one volume at a time; one that opened a volume is tried on the next before anybody is asked. */
export function createUnlock({ ask, wrong: tellWrong, showBusy }: UnlockOptions): Unlock {
  const remembered: Buffer[] = [];
  let queue: Promise<unknown> = Promise.resolve();

  async function unlock(question: UnlockQuestion, open: (passphrase: Buffer, attempt: UnlockAttempt) => Promise<boolean>, report: (state: StageState) => void): Promise<"opened" | "exhausted" | "withdrawn"> {
    const { volume, label, attempts, wrong = WRONG_PASSPHRASE, signal } = question;
    const tryOn = async (passphrase: Buffer, attempt: UnlockAttempt) => {
      report("deriving the key");
      showBusy(`Trying the passphrase on ${volume}${label === undefined ? "" : ` (${label})`}`);
      try {
        return await open(passphrase, attempt);
      } finally {
        showBusy(undefined);
      }
    };
    if (signal?.aborted) return "withdrawn";
    for (const passphrase of question.reuse === false ? [] : [...remembered]) {
      if (await tryOn(passphrase, { number: 0, isLast: false })) return "opened";
    }
    for (let number = 1; number <= attempts; number++) {
      report("key needed");
      const passphrase = await ask(question, number === 1 ? undefined : `${wrong} Attempt ${number} of ${attempts}.`);
      if (passphrase === undefined) return "withdrawn";
      try {
        const opens = await tryOn(passphrase, { number, isLast: number === attempts });
        if (signal?.aborted) return "withdrawn"; // by something else: nobody knows what this one opens
        if (opens) {
          remembered.push(copyOfSecret(passphrase));
          return "opened";
        }
        tellWrong();
      } finally {
        passphrase.fill(0);
      }
    }
    return "exhausted";
  }

  return {
    unlock(question, open, report = () => {}) {
      const outcome = queue.then(() => unlock(question, open, report));
      queue = outcome.catch(() => {});
      return Promise.race([outcome, withdrawal(question.signal)]);
    },
    forget() {
      for (const passphrase of remembered.splice(0)) passphrase.fill(0);
    },
  };
}
