import { mkdtempSync, rmSync, statSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openDoor } from "../../src/boot/door.ts";
import { createScreen, type Screen } from "../../src/boot/tui/screen.ts";
import { createDesk } from "./tui/desk.ts";

let folder: string;
let path: string;
let screen: Screen;
let closeDoor: () => void;
const desk = () => createDesk();
let console: ReturnType<typeof desk>;
const clients: Socket[] = [];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "mkinitrd-door-"));
  path = join(folder, "ask");
  console = desk();
  screen = createScreen({ terminals: [console.terminal] });
  closeDoor = await openDoor(screen.questions, (text) => { throw new Error(text); }, path);
});
afterEach(async () => {
  for (const client of clients.splice(0)) client.destroy();
  closeDoor();
  await screen.close();
  rmSync(folder, { recursive: true });
});

function client() {
  const socket = connect(path);
  clients.push(socket);
  const state = { heard: "", ended: false };
  socket.on("data", (data) => (state.heard += String(data)));
  socket.on("close", () => (state.ended = true));
  socket.on("error", () => {});
  return { socket, state, hears: (pattern: RegExp) => expect.poll(() => state.heard).toMatch(pattern) };
}

const question = { volume: "/dev/vda2", label: "crypt\x1blvm" };

test("only root may open it", () => {
  expect(statSync(path).mode & 0o777).toBe(0o600);
});

test("what is awaited is listed, an answer of any bytes is taken, and the consoles follow", async () => {
  const answer = screen.passphrase(question);
  await console.shows("Passphrase for");
  const { socket, hears } = client();
  socket.write("list\n");
  await hears(/^question 1 Passphrase for \/dev\/vda2 \(crypt\?lvm\)\nend\n$/);
  const secret = Buffer.from([0x00, 0x0a, 0xff, 0x61]);
  socket.write("answer 1 4\n");
  for (const byte of secret) socket.write(Buffer.of(byte));
  expect(await answer).toEqual(secret);
  await hears(/end\ntaken\n$/);
  await console.hides(/Passphrase for/);
  socket.write("list\n");
  await hears(/taken\nend\n$/);
});

test("an answer to a question that is over comes too late, and one that never was is none", async () => {
  const answer = screen.passphrase(question);
  await console.shows("Passphrase for");
  const { socket, hears } = client();
  socket.write("list\n");
  await hears(/question 1/);
  console.type("typed\r");
  expect(String(await answer)).toBe("typed");
  socket.write("answer 1 1\nxanswer 77 1\ny");
  await hears(/late\nlate\n$/);
});

test("who watches hears of each question as it comes and goes, and why the answer before was wrong", async () => {
  const { socket, hears } = client();
  socket.write("watch\n");
  await hears(/^end\n$/);
  const outcome = screen.unlock({ ...question, attempts: 2 }, async (passphrase) => passphrase.toString() === "right");
  await hears(/question 1 Passphrase for \/dev\/vda2 \(crypt\?lvm\)\nend\n$/);
  socket.write("answer 1 5\nwrong");
  await hears(/question 2 Passphrase for .*\tWrong passphrase: it opens no keyslot\. Attempt 2 of 2\.\nend\n$/);
  socket.write("answer 2 5\nright");
  await expect(outcome).resolves.toBe("opened");
  await hears(/taken\n$|end\n$/);
});

test("the password of the image is not among them: its delays would be for nothing", async () => {
  screen.ask({ kind: "secret", title: "Password of this image", blind: true }).catch(() => {});
  await console.shows("Password of this image");
  const { socket, state, hears } = client();
  socket.write("list\n");
  await hears(/end\n/);
  expect(state.heard).toBe("end\n");
});

test.each(["rubbish\n", "answer 1 0\n", "answer 1 5000\n", "answer -1 4\n", `${"x".repeat(100_000)}`, "\0\0\n"])("%j ends the connection with a reason, and harms nobody", async (text) => {
  const { socket, state, hears } = client();
  socket.write(text);
  await hears(/^error .*\n$/);
  await expect.poll(() => state.ended).toBe(true);
  const other = client();
  other.socket.write("list\n");
  await other.hears(/end/);
});

test("a connection that ends in the middle of an answer answers nothing", async () => {
  const answer = screen.passphrase(question);
  await console.shows("Passphrase for");
  const { socket, hears } = client();
  socket.write("list\n");
  await hears(/question 1/);
  socket.write("answer 1 10\nhalf");
  socket.end();
  console.type("typed\r");
  expect(String(await answer)).toBe("typed");
});

test("without a console a program that watches may answer; without one nobody is asked", async () => {
  await screen.close();
  closeDoor();
  screen = createScreen({ terminals: [] });
  closeDoor = await openDoor(screen.questions, (text) => { throw new Error(text); }, path);
  await expect(screen.passphrase(question)).rejects.toThrow("no console");
  const { socket, hears } = client();
  socket.write("watch\n");
  await hears(/end\n/);
  const answer = screen.passphrase(question);
  await hears(/question 1 Passphrase for/);
  socket.write("answer 1 3\nkey");
  expect(String(await answer)).toBe("key");
  const left = screen.passphrase(question);
  await hears(/question 2 Passphrase for/);
  socket.destroy(); // nobody is there any more who could answer
  await expect(left).rejects.toThrow("no console");
  await expect(screen.confirm({ text: "Start it?", reasons: [], yes: "does", no: "does not" })).rejects.toThrow("no console");
});
