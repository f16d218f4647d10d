import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { parseStage } from "../../src/core/realroot/stage.ts";
import { readKinds } from "../../src/host/config/kinds.ts";
import type { BuildSettings } from "../../src/host/image/build.ts";
import { type BootOptions, bootRecipe, vmImage } from "./boot-helper.ts";

/** One spec that is tried, and what is typed for it, in order. */
export interface Case {
  id: string;
  spec: string;
  typed?: string[];
}

/** What became of a spec: the device that it opened and what blkid says is on it, or the error. */
export type Outcome = { device: string; sizeBytes: number; sha256: string; blkid: string } | { refused: string };

/** A boot step that serves each stage as the unlock step would, and says at its end what came of it. */
const SCRIPT = `// REQUIRE: devices
// BEFORE: unlock
import { readFileSync, writeFileSync } from "node:fs";
export default async function run(ctx) {
  const outcomes = [];
  for (const { id, stage } of JSON.parse(readFileSync("/etc/each.json", "utf8"))) {
    ctx.ask.forget(); // each spec has its own passphrases
    try {
      const device = await ctx.stages.serve(stage);
      const size = await ctx.exec("busybox", ["blockdev", "--getsize64", device]);
      const sum = await ctx.exec("busybox", ["sha256sum", device]);
      const blkid = await ctx.exec("blkid", ["-p", "-o", "export", device], { accept: [2] }); // 2: nothing that it knows
      outcomes.push({ id, device, sizeBytes: Number(size.stdout), sha256: sum.stdout.split(" ")[0], blkid: blkid.stdout.trim() });
      // One device may be opened by two specs, for what is hidden in it.
      const close = 'export DM_DISABLE_UDEV=1; cryptsetup close "$0" || dmsetup remove "$0"';
      if (device.startsWith("/dev/mapper/")) await ctx.exec("busybox", ["sh", "-c", close, device.slice(12)], { env: { PATH: "/usr/sbin:/usr/bin" } });
    } catch (error) {
      outcomes.push({ id, refused: error.message });
    }
  }
  // Not by the log, which breaks lines at the screen's width.
  writeFileSync("/dev/ttyS0", outcomes.map((outcome) => "\\nEACH " + JSON.stringify(outcome)).join("") + "\\nEACH-END\\n");
  await new Promise(() => {});
}
`;

/**
 * Boots a recipe's machine and opens the specs one after the other, by the code that opens a realroot. Gives the outcome of each by its
 * id, and all that stood on the console.
 */
export async function openEach(recipe: string, cases: Case[], settings: Partial<BuildSettings>, options: BootOptions & { timeoutMs?: number } = {}): Promise<{ outcomes: Map<string, Outcome>; log: string }> {
  const { timeoutMs = 150_000, ...boot } = options; // on a busy machine a search over all hashes takes a minute
  const directory = mkdtempSync(join(tmpdir(), "mkinitrd-each-"));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  const [script, list] = [join(directory, "each.js"), join(directory, "each.json")];
  const kinds = await readKinds();
  writeFileSync(script, SCRIPT);
  writeFileSync(list, JSON.stringify(cases.map(({ id, spec }) => ({ id, stage: parseStage(spec, kinds) }))));
  const image = await vmImage({ ...settings, programs: ["blkid"], scripts: [script], files: [...(settings.files ?? []), { from: list, to: "/etc/each.json", mode: 0o644 }] });
  const guest = await bootRecipe(recipe, { ...boot, image, answers: {} });
  for (const secret of cases.flatMap(({ typed = [] }) => typed)) {
    const seen = await guest.waitFor(/> _|Choose:|EACH-END/, { timeoutMs }); // the line that takes keys, the last of the prompt
    if (!seen.includes("> _")) throw new Error(`nobody asks for ${JSON.stringify(secret)}:\n${guest.log()}`);
    guest.type(`${secret}\r`);
  }
  await guest.waitFor("EACH-END", { timeoutMs });
  const log = guest.log();
  const outcomes = [...log.matchAll(/^EACH (\{.*\})\r*$/gm)].map(([, text = ""]) => JSON.parse(text) as Outcome & { id: string });
  return { outcomes: new Map(outcomes.map(({ id, ...outcome }) => [id, outcome as Outcome])), log };
}
