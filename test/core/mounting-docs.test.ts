import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { parseFstab } from "../../src/core/formats/fstab.ts";
import { chooseFstabMounts, type FstabMount, type FstabRefusal } from "../../src/core/fstab-mounts.ts";
import { parseCommandLine } from "../../src/core/realroot/command-line.ts";
import { asCommandLine, explainText } from "../../src/host/cli/realroot.ts";
import { readKinds } from "../../src/host/config/kinds.ts";

const page = readFileSync(join(import.meta.dirname, "../../docs/mounting.md"), "utf8");
const blocks = (fence: string) => [...page.matchAll(new RegExp(`^\`\`\`${fence}\n(.*?)\n\`\`\`$`, "gms"))].map(([, block]) => block ?? "");
const examples = blocks("realroot").flatMap((block) => block.split("\n\n"));
const kinds = await readKinds();

test("docs/mounting.md has its examples", () => {
  expect(examples).toHaveLength(4);
  expect(blocks("fstab")).toHaveLength(1);
});

test.each(examples)("docs/mounting.md: %s", (example) => {
  const [words = "", ...printed] = example.split("\n");
  expect(explainText(parseCommandLine(asCommandLine([words]), { kinds, defaultRealroot: "", sealed: false }), kinds)).toBe(printed.join("\n"));
});

test("docs/mounting.md: what is mounted of its fstab", () => {
  expect(chooseFstabMounts(parseFstab(blocks("fstab")[0]!).entries).map(describeMount).join("\n")).toBe(blocks("fstab-mounts")[0]);
});

function describeMount(mount: FstabMount | FstabRefusal): string {
  if ("reason" in mount) return `${mount.target}: not mounted, ${mount.reason}`;
  const { target, source, fstype, options, check, needed, optional } = mount;
  const what = [source, fstype, ...options].join(", ");
  return [`${target}: ${what}`, ...(check ? ["checked"] : []), ...(needed ? ["the boot fails without it"] : []), ...(optional ? ["nobody waits for it"] : [])].join("; ");
}
