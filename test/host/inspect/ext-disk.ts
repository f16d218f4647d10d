import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

/** What a file of a made filesystem is: its content, or where a link leads. Those with `mode` have that one. */
export type Made = string | Buffer | { link: string } | { content: string | Buffer; mode: number };

/** Makes an image file with an ext4 filesystem of 8 MiB that holds these files, by e2fsprogs' own tool. */
export function makeExt4(image: string, files: Record<string, Made>): void {
  const root = mkdtempSync(join(tmpdir(), "ext4-"));
  try {
    for (const [path, made] of Object.entries(files)) {
      const file = join(root, path);
      mkdirSync(dirname(file), { recursive: true });
      if (typeof made === "object" && "link" in made) symlinkSync(made.link, file);
      else if (typeof made === "object" && "mode" in made) writeFileSync(file, made.content, { mode: made.mode });
      else writeFileSync(file, made);
    }
    execFileSync("mke2fs", ["-q", "-F", "-t", "ext4", "-d", root, image, "8M"], { env: { ...process.env, PATH: `${process.env["PATH"]}:/usr/sbin:/sbin` } });
  } finally {
    rmSync(root, { recursive: true });
  }
}

/** Files that make a root: an init, and the shell that runs it. */
export const ROOT_FILES: Record<string, Made> = { "usr/sbin/init": { content: "#!/bin/sh\n", mode: 0o755 }, "bin/sh": { content: "", mode: 0o755 }, sbin: { link: "usr/sbin" } };
