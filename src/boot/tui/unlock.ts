import type { UnlockAttempt, UnlockQuestion } from "../../core/rc/types.ts";
import { copyOfSecret } from "./secret-line.ts";
import type { StageState } from "./state.ts";

const WRONG_PASSPHRASE = "Wrong passphrase: it opens no keyslot.";

export interface UnlockOptions {
  /** Asks with this reason why the answer before was wrong; undefined when the question was taken away. */
  ask(question: UnlockQuestion, wrong: string | undefined): Promise<Buffer | undefined>;
  /** What is being tried, while it takes; undefined behind it. */
  showBusy(text: string | undefined): void;
}

export interface Unlock {
  /** As Ask.unlock; `report` hears how far it is. */
  unlock(question: UnlockQuestion, open: (passphrase: Buffer, attempt: UnlockAttempt) => Promise<boolean>, report?: (state: StageState) => void): Promise<"opened" | "exhausted" | "withdrawn">;
  /** Wipes the passphrases that opened something. */
  forget(): void;
}

/** Asks for passphrases, one volume at a time; one that opened a volume is tried on the next before anybody is asked. */
export function createUnlock({ ask, showBusy }: UnlockOptions): Unlock {
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
    for (const passphrase of question.reuse === false ? [] : [...remembered]) {
      if (await tryOn(passphrase, { number: 0, isLast: false })) return "opened";
    }
    for (let number = 1; number <= attempts; number++) {
      report("key needed");
      const passphrase = await ask(question, number === 1 ? undefined : `${wrong} Attempt ${number} of ${attempts}.`);
      if (passphrase === undefined) return "withdrawn";
      try {
        if (await tryOn(passphrase, { number, isLast: number === attempts })) {
          remembered.push(copyOfSecret(passphrase));
          return "opened";
        }
        if (signal?.aborted) return "withdrawn";
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
      return outcome;
    },
    forget() {
      for (const passphrase of remembered.splice(0)) passphrase.fill(0);
    },
  };
}
