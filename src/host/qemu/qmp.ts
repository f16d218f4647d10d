import type { Duplex } from "node:stream";
import { MkinitrdError } from "../../core/errors.ts";

const ANSWER_WITHIN_MS = 30_000; // under TCG on a loaded host QEMU's main loop is slow

/** QEMU's machine protocol: one command, one answer. See QEMU's docs/interop/qmp-spec. */
export interface Qmp {
  /** Resolves with the command's `return`; rejects with QEMU's own description of what is wrong. */
  command(name: string, args?: Record<string, unknown>): Promise<unknown>;
}

interface Pending {
  resolve: (value: unknown) => void;
  reject: (found: string) => void;
}

/** Something that happened in the machine, unasked: `SHUTDOWN` with its `reason`, for example. */
export interface QmpEvent {
  event: string;
  data?: Record<string, unknown>;
}

/** Speaks QMP on a socket; the negotiation of capabilities goes ahead of the first command by itself. */
export function connectQmp(socket: Duplex, onEvent: (event: QmpEvent) => void = () => {}): Qmp {
  const pending = new Map<number, Pending>();
  let nextId = 1;
  let rest = "";
  let ended = false;

  socket.on("error", () => {}); // QEMU's exit is told by its process
  socket.on("close", () => {
    ended = true;
    for (const { reject } of pending.values()) reject("QEMU has ended");
  });
  socket.on("data", (chunk: Buffer) => {
    const lines = (rest + chunk.toString("utf8")).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) if (line.trim() !== "") receive(JSON.parse(line), pending, onEvent);
  });

  const command = (name: string, args: Record<string, unknown> = {}): Promise<unknown> => {
    const id = nextId++;
    return new Promise<unknown>((resolve, reject) => {
      const fail = (found: string): void => reject(new MkinitrdError({ tried: `asking QEMU for ${name}`, on: JSON.stringify(args), found }));
      if (ended) return fail("QEMU has ended");
      const timer = setTimeout(() => fail(`no answer in ${ANSWER_WITHIN_MS / 1000} s`), ANSWER_WITHIN_MS);
      pending.set(id, {
        resolve: (value) => { clearTimeout(timer); resolve(value); },
        reject: (found) => { clearTimeout(timer); fail(found); },
      });
      socket.write(`${JSON.stringify({ execute: name, arguments: args, id })}\n`);
    }).finally(() => pending.delete(id));
  };
  command("qmp_capabilities").catch(() => {}); // the first real command says what is wrong
  return { command };
}

interface Message {
  id?: number;
  return?: unknown;
  error?: { desc?: string };
  event?: string;
  data?: Record<string, unknown>;
}

function receive({ id, event, data, error, ...message }: Message, pending: Map<number, Pending>, onEvent: (event: QmpEvent) => void): void {
  if (event !== undefined) return onEvent({ event, ...(data === undefined ? {} : { data }) });
  const waiter = id === undefined ? undefined : pending.get(id);
  if (waiter === undefined) return; // the greeting
  if (error === undefined) waiter.resolve(message.return);
  else waiter.reject(error.desc ?? "an error without a description");
}
