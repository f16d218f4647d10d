import { createHash } from "node:crypto";

/** What the boot is seen to have reached when it is held. */
export const HELD = "held behind the unlocking";
/** What it says then of the filesystem on /dev/vdb, in front of statfs(2)'s f_type and the mode of a file made with 0600. */
export const FILESYSTEM = "the filesystem that came:";

/** Where the script of `holdScript` leaves a secret behind. */
export type Careless = "kept" | "file" | "dropped";

/**
 * A rc script that holds the boot between the unlocking and the mount until /dev/vdb, a vfat, comes. It leaves three other secrets
 * behind, as a careless program would, which proves that the search finds what is there: one `kept` in memory, one in a
 * `file` in /run until then, one `dropped` by a program that has ended. They are computed: no file of the image has them.
 */
export function holdScript(seed: string): string {
  return `// PROVIDE: hold
// REQUIRE: unlock
// BEFORE: mount
// PROGRAMS: busybox
// MODULES: vfat nls_cp437? nls_ascii? nls_iso8859-1?
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, rmSync, statfsSync, statSync, writeFileSync } from "node:fs";
const secret = (name) => createHash("sha256").update(name + ${JSON.stringify(seed)}).digest("base64url");
let kept;
export default async function run(ctx) {
  kept = Buffer.from(secret("kept"));
  writeFileSync("/run/careless", secret("file"));
  const input = Buffer.alloc(1_000_000, secret("dropped"));
  await ctx.exec("sh", ["-c", "x=$(cat); :"], { input });
  input.fill(0);
  ctx.log.step(readFileSync("/proc/self/limits", "latin1").match(/Max core file size.*/)[0]);
  ctx.log.step(${JSON.stringify(HELD)});
  while (!(await ctx.system.exists("/dev/vdb"))) await new Promise((resolve) => setTimeout(resolve, 100));
  rmSync("/run/careless");
  mkdirSync("/run/came");
  await ctx.system.mount({ source: "/dev/vdb", target: "/run/came", fstype: "vfat", options: ["rw"] });
  writeFileSync("/run/came/file", "", { mode: 0o600 });
  ctx.log.step(\`${FILESYSTEM} \${statfsSync("/run/came").type} \${(statSync("/run/came/file").mode & 0o777).toString(8)}\`);
  await ctx.exec("umount", ["/run/came"]);
}
`;
}

/** The same secrets on this side. */
export function carelessSecret(name: Careless, seed: string): string {
  return createHash("sha256").update(name + seed).digest("base64url");
}
