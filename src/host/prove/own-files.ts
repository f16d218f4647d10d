import { copyFileSync, openSync, closeSync, readFileSync, statSync, writeSync, constants } from "node:fs";
import { encodeNewcHead, encodeNewcTrailer, newcPadding } from "../../core/formats/newc.ts";
import type { OpenedImage } from "../image/open.ts";
import { paddingBehind } from "../layers/compress.ts";
import type { CopyFile } from "./layout.ts";

/**
 * Writes an image to `to` that has files of the test's in place of its own: one more archive behind the others, since of one path the kernel
 * keeps the last. `disks` are the copy's. The image itself is not touched.
 */
export function writeWithFiles(image: OpenedImage, files: readonly CopyFile[], disks: readonly string[], to: string): void {
  copyFileSync(image.file, to, constants.COPYFILE_EXCL);
  const format = image.archives.at(-1)?.format ?? "cpio";
  const out = openSync(to, "a");
  try {
    const write = (bytes: Buffer) => { for (let at = 0; at < bytes.length;) at += writeSync(out, bytes, at); };
    write(paddingBehind(format === "cpio" ? "none" : format, statSync(to).size));
    files.forEach(({ path, from }, index) => {
      const content = "text" in from ? Buffer.from(from.text) : readFileSync(disks[from.disk]!);
      write(encodeNewcHead({ path: path.replace(/^\/+/, ""), type: "file", mode: 0o400, sizeBytes: content.length }, index + 1, 0));
      write(content);
      write(newcPadding(content.length));
    });
    write(encodeNewcTrailer());
  } finally {
    closeSync(out);
  }
}
