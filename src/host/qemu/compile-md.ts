import type { Compiler } from "./compile.ts";
import type { Array } from "./recipe.ts";

/** An md array of its members, and what lies on it. The disks are empty, so that its members agree without a first sync. */
export function createArray({ step, atEnd, fill }: Compiler, { name, level, metadata, uuid, content }: Array, number: number, members: string[]): void {
  const node = `/dev/md${number}`;
  const bitmap = ["linear", "0"].includes(level) ? [] : ["--bitmap=none"];
  const identity = [...(uuid === undefined ? [] : [`--uuid=${uuid}`]), ...(metadata === "0.90" ? [] : [`--name=${name}`, "--homehost=any"])];
  step({
    about: `md array ${name} on ${members.join(", ")}`,
    program: "mdadm",
    args: ["--create", node, "--run", "--assume-clean", `--level=${level}`, `--metadata=${metadata}`, ...bitmap, ...identity, `--raid-devices=${members.length}`, ...members],
  });
  atEnd({ about: `stopping ${name}`, program: "mdadm", args: ["--stop", node] });
  fill(node, content);
}
