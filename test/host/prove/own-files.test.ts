import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { contentOf, openImage } from "../../../src/host/image/open.ts";
import { writeWithFiles } from "../../../src/host/prove/own-files.ts";
import { findProgram } from "../../../tools/packages.js";
import { cpio, directory, file } from "../image/cpio.ts";

const ARCHIVE = cpio(directory("etc"), file("etc/root.key", "the real one", { mode: 0o100400 }), file("etc/other", "stays"));

/** Of a program's own, with what the kernel wants behind it not there yet. */
test.for([
  { format: "cpio", pack: () => ARCHIVE },
  ...[["zstd", "-c"], ["gzip", "-c"], ["xz", "--check=crc32", "-c"], ["lz4", "-l", "-c"]].map(([program = "", ...args]) => ({ format: program, pack: () => execFileSync(program, [...args, "-q"], { input: ARCHIVE }) })),
])("files of the test stand behind an image ($format) and in place of its own", async ({ format, pack }, { skip }) => {
  if (format !== "cpio" && findProgram(format) === undefined) skip(`${format} is missing`);
  const folder = mkdtempSync(join(tmpdir(), "own-files-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const [image, to, disk] = ["initrd.img", "copy.img", "disk.img"].map((name) => join(folder, name)) as [string, string, string];
  writeFileSync(image, pack(), { mode: 0o600 });
  writeFileSync(disk, Buffer.alloc(5000, 3));
  const before = readFileSync(image);
  writeWithFiles(await openImage(image), [{ path: "/etc/root.key", from: { text: "the test's" } }, { path: "/etc/header", from: { disk: 0 } }], [disk], to);
  const { tree } = await openImage(to);
  const text = async (path: string) => (await contentOf(tree.find(path)!)).toString("latin1");
  expect([await text("etc/root.key"), await text("etc/other"), await text("etc/header")]).toEqual(["the test's", "stays", "\x03".repeat(5000)]);
  expect(tree.find("etc/root.key")).toMatchObject({ mode: 0o400, type: "file" });
  expect(readFileSync(image).equals(before)).toBe(true);
});
