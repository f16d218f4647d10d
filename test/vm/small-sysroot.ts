import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, realpathSync, symlinkSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { findProgram } from "../../tools/packages.js";

/** Busybox, and the libraries that it and Node want: what an image of local roots is made of. */
export function smallSysroot(top: string): string {
  const busybox = findProgram("busybox") ?? "";
  const printed = [process.execPath, busybox].map((program) => execFileSync("sh", ["-c", 'ldd "$0" || true', program], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] })).join("");
  const libraries = [...printed.matchAll(/(\/\S+) \(0x/g)].map(([, path = ""]) => path);
  for (const name of ["bin", "sbin", "lib", "lib64"]) {
    mkdirSync(join(top, "usr", name), { recursive: true });
    symlinkSync(`usr/${name}`, join(top, name));
  }
  for (const path of [...new Set([busybox, ...libraries])]) {
    mkdirSync(dirname(join(top, path)), { recursive: true });
    copyFileSync(realpathSync(path), join(top, dirname(path), basename(path)));
  }
  return top;
}
