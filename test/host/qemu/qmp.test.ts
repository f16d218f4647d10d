import { Duplex } from "node:stream";
import { expect, test } from "vitest";
import { connectQmp } from "../../../src/host/qemu/qmp.ts";

/** The two ends of a connection: ours, and a stand-in for QEMU that answers each command by `answer`. */
function fakeQemu(answer: (command: { execute: string; id: number }) => object | undefined): Duplex {
  let rest = "";
  return new Duplex({
    read() {},
    write(chunk: Buffer, _encoding, done) {
      const lines = (rest + chunk.toString()).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) {
        const reply = answer(JSON.parse(line));
        if (reply !== undefined) this.push(`${JSON.stringify(reply)}\r\n`);
      }
      done();
    },
  });
}

test("an answer goes to the command that it belongs to, in whatever order they come", async () => {
  const held: { id: number }[] = [];
  const socket = fakeQemu((command) => {
    if (command.execute === "slow") return void held.push(command);
    return { return: command.execute, id: command.id };
  });
  const qmp = connectQmp(socket);
  const slow = qmp.command("slow");
  await expect(qmp.command("fast")).resolves.toBe("fast");
  socket.push(`${JSON.stringify({ return: "slow", id: held[0]?.id })}\n`);
  await expect(slow).resolves.toBe("slow");
});

test("an error is told in QEMU's words", async () => {
  const qmp = connectQmp(fakeQemu(({ id }) => ({ id, error: { class: "GenericError", desc: "Bus 'pci.0' is full" } })));
  await expect(qmp.command("device_add", { driver: "x" })).rejects.toThrow(/device_add on \{"driver":"x"\}: Bus 'pci.0' is full/);
});

test("events are told apart from answers", async () => {
  const events: unknown[] = [];
  const socket = fakeQemu(({ id }) => ({ return: {}, id }));
  const qmp = connectQmp(socket, (event) => events.push(event));
  socket.push('{"QMP": {"version": {}}}\n{"event": "SHUTDOWN", "data": {"reason": "guest-reset"}, "timestamp": {}}\n');
  await qmp.command("query-status");
  expect(events).toEqual([{ event: "SHUTDOWN", data: { reason: "guest-reset" } }]);
});

test("a command is refused when QEMU ends before it answers, and afterwards", async () => {
  const socket = fakeQemu(() => undefined);
  const qmp = connectQmp(socket);
  const refused = expect(qmp.command("query-status")).rejects.toThrow("QEMU has ended");
  socket.destroy();
  await refused;
  await expect(qmp.command("query-status")).rejects.toThrow("QEMU has ended");
});
