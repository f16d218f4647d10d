import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { MkinitrdError } from "../../core/errors.ts";
import { decodeBkeymap, isBkeymap } from "../../core/formats/bkeymap.ts";
import { describeIoError } from "../read-text.ts";
import { statOf } from "../stat.ts";
import type { XkbLayout } from "./wanted.ts";

const LARGEST_BYTES = 1024 * 1024;
const TIMEOUT_MS = 30_000;

/** A keymap file in busybox's binary format: as it is where it has that, else by loadkeys(1), with Unicode keysyms. */
export async function convertFile(file: string): Promise<Buffer> {
  const tried = "reading the keymap";
  let bytes: Buffer;
  try {
    if (statOf(file)?.isFIFO() === true) throw new Error("it is a pipe"); // of which nobody may ever write the end
    bytes = readFileSync(file);
    if (bytes.readUInt16BE(0) === 0x1f8b) bytes = gunzipSync(bytes, { maxOutputLength: LARGEST_BYTES }); // RFC 1952, 2.3.1
  } catch (cause) {
    throw new MkinitrdError({ tried, on: file, found: describeIoError(cause), next: "correct keymaps: in the configuration", cause });
  }
  return checked(isBkeymap(bytes) ? bytes : await loadkeys([file], undefined, file), file);
}

/**
 * A layout of XKB in that format, by ckbcomp and loadkeys. The compact form: ten combinations of modifiers and an ordinary Caps Lock, in
 * place of 128 combinations and a lock of another modifier, that no keyboard's light shows.
 */
export async function convertLayout({ layout, variant, model, options }: XkbLayout): Promise<Buffer> {
  const on = variant === "" ? layout : `${layout}(${variant})`;
  const args = ["-compact", ...(model === "" ? [] : ["-model", model]), layout, variant, ...(options === "" ? [] : [options])];
  const { stdout, stderr } = await run("ckbcomp", args, undefined, { on, package: "console-setup" });
  // It goes on without what it does not find.
  const missing = /can ?not find .*/i.exec(stderr)?.[0];
  if (missing !== undefined) throw new MkinitrdError({ tried: "making a keymap of XKB's layout", on, found: missing, next: "correct keymaps: in the configuration" });
  return checked(await loadkeys(["-"], stdout, on), on);
}

/** Of a file that changes some keys only, all others come out as holes. */
function checked(bytes: Buffer, on: string): Buffer {
  if (HOLES.includes(decodeBkeymap(bytes, on).get(0)?.[KEY_ENTER] ?? 0)) {
    throw new MkinitrdError({ tried: "converting the keymap", on, found: "it has no Enter key", next: "name a whole keymap; what changes some of the keys can include one" });
  }
  return bytes;
}
const KEY_ENTER = 28; // linux/input-event-codes.h
const HOLES = [0, 0x0200]; // NUL, and K_HOLE of linux/keyboard.h

async function loadkeys(args: string[], input: Buffer | undefined, on: string): Promise<Buffer> {
  return (await run("loadkeys", ["--quiet", "--unicode", "--bkeymap", ...args], input, { on, package: "kbd" })).stdout;
}

/** Straight from spawn: exec gives text, and this is binary. */
function run(program: string, args: string[], input: Buffer | undefined, about: { on: string; package: string }): Promise<{ stdout: Buffer; stderr: string }> {
  return new Promise((resolve, reject) => {
    const fail = (found: string, next?: string) => reject(new MkinitrdError({ tried: `converting the keymap with ${program}`, on: about.on, found, ...(next === undefined ? {} : { next }) }));
    const child = spawn(program, args, { stdio: ["pipe", "pipe", "pipe"], timeout: TIMEOUT_MS });
    const stdout: Buffer[] = [];
    let stderr = "";
    child.stdout.on("data", (bytes: Buffer) => stdout.push(bytes));
    child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
    child.stdin.on("error", () => {}); // its exit code tells
    child.stdin.end(input);
    child.once("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") fail("no such program", `install it; on Debian: apt-get install ${about.package}`);
      else fail(error.message);
    });
    child.once("close", (code, signal) => {
      if (code === 0) resolve({ stdout: Buffer.concat(stdout), stderr });
      else fail(`it ended with ${code ?? signal}: ${stderr.trim().split("\n").slice(-3).join("; ")}`, "correct keymaps: in the configuration");
    });
  });
}
