import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { explain, MkinitrdError } from "../../core/errors.ts";
import { withTemporaryDirectory } from "../temporary.ts";
import { execLaunched, startedHere, type Launcher } from "./launch.ts";

const TIMEOUT_MS = 120_000; // it takes half a second on an idle machine

/**
 * Runs both binaries on a script that uses what a boot uses of Node, and compares what they print. Gives what is wrong
 * with `trimmed`, undefined when nothing is.
 */
export async function findDifference(original: string, trimmed: string, launch: Launcher = startedHere): Promise<string | undefined> {
  try {
    return await withTemporaryDirectory("selftest", async (folder) => {
      const script = join(folder, "self-test.mjs");
      await writeFile(script, SCRIPT);
      const [expected, actual] = await launch((words) => Promise.all([original, trimmed].map((node) => run(words, node, script))));
      return compare(expected!.split("\n"), actual!.split("\n"));
    });
  } catch (error) {
    return explain(error).split("\n")[0];
  }
}

/** The script starts a program by the same words. */
async function run(words: string[], node: string, script: string): Promise<string> {
  const { stdout } = await execLaunched(words, node, [script, ...words], { env: { TZ: "Europe/Berlin" }, timeoutMs: TIMEOUT_MS });
  if (stdout.endsWith(LAST_LINE)) return stdout;
  throw new MkinitrdError({ tried: "running the self-test", on: node, found: "it ended early" });
}

function compare(expected: string[], actual: string[]): string | undefined {
  const index = expected.findIndex((line, at) => line !== actual[at]);
  if (index === -1) return undefined;
  return `the self-test printed ${JSON.stringify(actual[index]?.slice(0, 100))}, the original ${JSON.stringify(expected[index]!.slice(0, 100))}`;
}

const LAST_LINE = "self-test: done";

/** One line for each thing; nothing that differs from run to run. */
const SCRIPT = `
import assert from "node:assert";
import { execFileSync } from "node:child_process";
import crypto from "node:crypto";
import fs from "node:fs";
import net from "node:net";
import { Worker } from "node:worker_threads";
import zlib from "node:zlib";

const hash = (text) => crypto.createHash("sha256").update(text).digest("hex").slice(0, 16);
const show = (name, value) => console.log(name + ": " + (typeof value === "string" ? value : JSON.stringify(value)));
const here = import.meta.dirname;

// Text: all that string-width, wrap-ansi and Ink ask of Unicode.
const plane = Array.from({ length: 0x1ffff }, (_, c) => (c >= 0xd800 && c < 0xe000 ? "" : String.fromCodePoint(c)));
for (const form of ["NFC", "NFD", "NFKC", "NFKD"]) show(form, hash(plane.map((c) => c.normalize(form)).join()));
show("case", hash(plane.map((c) => c.toUpperCase() + c.toLowerCase() + c.toLocaleUpperCase("en")).join()));
const properties = ["L", "Nd", "Default_Ignorable_Code_Point", "Control", "Mark", "Surrogate", "Format", "Script=Thai",
  "Script_Extensions=Greek", "Emoji", "Extended_Pictographic", "ID_Start", "Changes_When_NFKC_Casefolded", "Bidi_M", "Lowercase"];
for (const property of properties) {
  const pattern = new RegExp("^\\\\p{" + property + "}$", "u");
  show(property, hash(plane.map((c) => (pattern.test(c) ? 1 : 0)).join("")));
}
const family = "\\u{1f468}\\u200d\\u{1f469}\\u200d\\u{1f467}";
show("emoji", [/^\\p{RGI_Emoji}$/v.test(family), /^\\p{Emoji_Keycap_Sequence}$/v.test("1\\ufe0f\\u20e3")]);
show("caseless", /\\u{1e9e}stra\\u00df/iu.test("\\u00dfSTRA\\u1e9e"));
const text = "a" + family + "e\\u0301\\u0301 Two words. And 3.5 more! \\u0e01\\u0e33 \\u4f60\\u597d \\uac00\\u11a8\\r\\n";
for (const granularity of ["grapheme", "sentence"]) {
  show(granularity, [...new Intl.Segmenter("en", { granularity }).segment(text)].map((each) => each.segment));
}
show("word", [...new Intl.Segmenter("en", { granularity: "word" }).segment("Two words, 3.5; it's")].map((each) => each.segment));
show("locale", Intl.DateTimeFormat().resolvedOptions());

// Numbers, dates, order.
for (const options of [{}, { style: "percent" }, { style: "currency", currency: "EUR" }, { style: "unit", unit: "megabyte" },
  { notation: "compact" }, { notation: "scientific" }, { style: "unit", unit: "second", unitDisplay: "long" }]) {
  show("number", [0, 1, -1234567.891, 1e21].map((n) => new Intl.NumberFormat("en-US", options).format(n)));
}
const moment = new Date(Date.UTC(2031, 6, 5, 13, 14, 15));
show("date", [moment.toLocaleString(), String(moment), moment.toISOString()]);
for (const timeZone of ["UTC", "America/New_York", "Asia/Kolkata", "Europe/Berlin"]) {
  show("zone", new Intl.DateTimeFormat("en", { dateStyle: "full", timeStyle: "full", timeZone }).format(moment));
}
show("plural", ["one", 1, 2, 3, 21].map((n) => new Intl.PluralRules("en", { type: "ordinal" }).select(n)));
show("list", new Intl.ListFormat("en").format(["a", "b", "c"]));
show("relative", new Intl.RelativeTimeFormat("en").format(-3, "day"));
show("names", new Intl.DisplayNames("en", { type: "region" }).of("DE"));
show("collation", ["\\u00e4", "z", "a", "A", "10", "9"].sort(new Intl.Collator("en", { numeric: true }).compare));
show("other languages", ["de", "ja", "ar-EG"].map((name) => typeof new Intl.NumberFormat(name).format(1.5) + typeof moment.toLocaleString(name)));
show("localeCompare", ["\\u00f6".localeCompare("z"), "a".localeCompare("B")]);
show("url", [new URL("http://b\\u00fccher.example/a b?c#d").href, new URL("UUID=1%3A2", "file:///x").pathname]);

// Bytes.
const bytes = Buffer.from(text);
show("decoder", ["utf-8", "utf-16le", "latin1"].map((name) => hash(new TextDecoder(name).decode(bytes))));
assert.throws(() => new TextDecoder("utf-8", { fatal: true }).decode(Uint8Array.of(0xff)));
const big = Buffer.alloc(300_000, "node ");
for (const [pack, unpack] of [["zstdCompressSync", "zstdDecompressSync"], ["gzipSync", "gunzipSync"], ["brotliCompressSync", "brotliDecompressSync"]]) {
  show(pack, big.equals(zlib[unpack](zlib[pack](big))));
}
show("crc32", zlib.crc32(big));

// Keys and ciphers.
for (const name of ["sha1", "sha256", "sha512", "ripemd160", "blake2b512"]) show(name, hash(crypto.createHash(name).update(big).digest()));
const cipher = crypto.createCipheriv("aes-256-xts", Buffer.from(Array.from({ length: 64 }, (_, i) => i)), Buffer.alloc(16, 7));
show("aes-256-xts", hash(cipher.update(big)));
show("pbkdf2", hash(crypto.pbkdf2Sync("secret", "salt", 1000, 32, "sha256")));
for (const kind of ["argon2id", "argon2i"]) {
  const parameters = { message: Buffer.from("secret"), nonce: Buffer.alloc(16, 1), parallelism: 2, tagLength: 32, memory: 1024, passes: 2 };
  show(kind, crypto.argon2Sync === undefined ? "absent" : hash(crypto.argon2Sync(kind, parameters)));
}
show("random", crypto.randomBytes(16).length);

// The system.
fs.writeFileSync(here + "/file-" + process.pid, big);
show("file", fs.readFileSync(here + "/file-" + process.pid).equals(big));
show("missing", await fs.promises.readFile(here + "/none").catch((error) => error.code));
const [starter = "", ...behind] = [...process.argv.slice(2), process.execPath];
show("child", execFileSync(starter, [...behind, "-p", "process.argv.length"]).toString());
show("worker", await new Promise((resolve, reject) => {
  const worker = new Worker("require('node:worker_threads').parentPort.postMessage(6 * 7)", { eval: true });
  worker.once("message", resolve).once("error", reject);
}));
show("socket", await new Promise((resolve, reject) => {
  const server = net.createServer((socket) => socket.end("served")).listen(here + "/socket-" + process.pid, () => {
    net.connect(here + "/socket-" + process.pid).on("data", (data) => resolve(String(data))).on("error", reject).on("close", () => server.close());
  });
}));
show("resolver", await import("node:dns").then((dns) => dns.promises.lookup("127.0.0.1")));
show("module", (await import("data:text/javascript,export default await Promise.resolve(1)")).default);
// (module (func (export "f") (result i32) i32.const 42)): Ink's layout engine is WebAssembly
const wasm = Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 127, 3, 2, 1, 0, 7, 5, 1, 1, 102, 0, 0, 10, 6, 1, 4, 0, 65, 42, 11);
show("wasm", (await WebAssembly.instantiate(wasm)).instance.exports.f());
let sum = 0;
for (let i = 0; i < 3e6; i++) sum = (sum + i * i) % 1000003; // long enough to be compiled
show("loop", sum);
show("deep", (() => { let depth = 0; const down = () => { depth++; down(); }; try { down(); } catch (error) { return error.name; } })());
show("error", (() => { try { null.x; } catch (error) { return error.message; } })());
const unspaced = "\\u0e01\\u0e33\\u4f60\\u597d"; // Thai and Chinese: the dictionaries are gone, the text must not be
show("unspaced", [...new Intl.Segmenter("th", { granularity: "word" }).segment(unspaced)].map((each) => each.segment).join("") === unspaced);
assert.throws(() => process.kill(process.pid, "SIGNONE"));
process.stdout.write("${LAST_LINE}");
`;
