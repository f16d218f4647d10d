import { chmodSync, rmSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { explain } from "../core/errors.ts";
import { RUN_DIRECTORY } from "./log.ts";
import { MAX_SECRET_BYTES } from "./tui/secret-line.ts";

/** A socket of its own, for root alone. */
export const DOOR = `${RUN_DIRECTORY}/ask`;
const [LINE_FEED, LONGEST_LINE] = [0x0a, 64];

/** A passphrase that is awaited. */
export interface Awaited {
  /** A number that no other question of this boot has. */
  id: number;
  /** `Passphrase for /dev/vda2 (cryptlvm)`, on one line. */
  title: string;
  /** That the answer before was wrong, on one line. */
  wrong?: string;
}

/** What the door opens to. */
export interface Questions {
  awaited(): Awaited[];
  /** Takes the secret over and wipes it; false when nobody awaits that answer any more. */
  answer(id: number, secret: Buffer): boolean;
  /** Calls back at each change, until the returned function is called. */
  subscribe(changed: () => void): () => void;
}

/**
 * A way in beside the consoles, for programs of the early boot: a stream socket on which lines are exchanged, docs/screen.md.
 * `list` and `watch` give the questions, `answer ID BYTES` and as many bytes answer one. Resolves when it listens, with what
 * closes it; a door that can't be made is told of and no more.
 */
export async function openDoor(questions: Questions, debug: (text: string) => void, path = DOOR): Promise<() => void> {
  const connections = new Set<Socket>();
  const server: Server = createServer((socket) => {
    connections.add(socket);
    socket.on("close", () => connections.delete(socket));
    serve(socket, questions);
  });
  try {
    rmSync(path, { force: true });
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      const mask = process.umask(0o177);
      server.listen(path, resolve);
      process.umask(mask);
    });
    server.on("error", () => {}); // a connection that could not be taken
    chmodSync(path, 0o600);
  } catch (error) {
    debug(`no socket at ${path}: ${explain(error)}`);
  }
  server.unref();
  return () => {
    server.close();
    for (const socket of connections) socket.destroy();
    rmSync(path, { force: true });
  };
}

/** One connection. Whatever it sends that is no request ends it. */
function serve(socket: Socket, questions: Questions): void {
  const line = Buffer.allocUnsafeSlow(LONGEST_LINE).fill(0);
  let lineBytes = 0;
  let answer: { id: number; secret: Buffer; got: number } | undefined;
  let unwatch = () => {};

  const list = () => socket.write(`${questions.awaited().map(({ id, title, wrong }) => `question ${id} ${title}${wrong === undefined ? "" : `\t${wrong}`}\n`).join("")}end\n`);
  const refuse = (reason: string) => void socket.end(`error ${reason}\n`);
  const finish = () => {
    const { id, secret } = answer!;
    answer = undefined;
    socket.write(questions.answer(id, secret) ? "taken\n" : "late\n");
  };

  function request(text: string): void {
    const [, id, bytes] = /^answer (\d{1,9}) (\d{1,5})$/.exec(text) ?? [];
    if (id !== undefined && bytes !== undefined) {
      if (Number(bytes) < 1 || Number(bytes) > MAX_SECRET_BYTES) return refuse(`an answer has 1 to ${MAX_SECRET_BYTES} bytes`);
      answer = { id: Number(id), secret: Buffer.allocUnsafeSlow(Number(bytes)).fill(0), got: 0 };
    } else if (text === "list") {
      list();
    } else if (text === "watch") {
      unwatch();
      unwatch = questions.subscribe(list);
      list();
    } else {
      refuse("known: list, watch, answer ID BYTES");
    }
  }

  socket.on("data", (piece: Buffer) => {
    let at = 0;
    while (at < piece.length && !socket.writableEnded) {
      if (answer !== undefined) {
        const copied = piece.copy(answer.secret, answer.got, at);
        at += copied;
        answer.got += copied;
        if (answer.got === answer.secret.length) finish();
        continue;
      }
      const byte = piece[at++]!;
      if (byte === LINE_FEED) {
        const text = line.toString("latin1", 0, lineBytes);
        lineBytes = 0;
        request(text);
      } else if (lineBytes < LONGEST_LINE) {
        line[lineBytes++] = byte;
      } else {
        refuse("a line is too long");
      }
    }
    piece.fill(0);
  });
  socket.on("error", () => {}); // it went away
  socket.on("close", () => {
    unwatch();
    line.fill(0);
    answer?.secret.fill(0);
  });
}
