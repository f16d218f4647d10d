import type { Compiler } from "./compile.ts";
import type { LuksContent, Pbkdf } from "./recipe.ts";

/** A LUKS container, opened for what is in it. */
export function fillLuks({ step, atEnd, fill, labelled }: Compiler, device: string, luks: LuksContent): void {
  const name = `luks-${device.replace(/^\/dev\/(mapper\/)?/, "").replaceAll("/", "-")}`;
  const header = luks.header === undefined ? [] : ["--header", labelled(luks.header)];
  step({
    about: `LUKS${luks.version} on ${device}`,
    program: "cryptsetup",
    args: ["luksFormat", "--batch-mode", "--type", `luks${luks.version}`, ...formatArguments(luks), ...header, "--key-file", "-", device],
    input: luks.passphrase,
  });
  if (luks.content === undefined) return;
  step({ about: `opening ${device}`, program: "cryptsetup", args: ["open", "--type", "luks", ...header, "--key-file", "-", device, name], input: luks.passphrase });
  atEnd({ about: `closing ${device}`, program: "cryptsetup", args: ["close", name] });
  fill(`/dev/mapper/${name}`, luks.content);
}

function formatArguments({ uuid, label, cipher, keyBits, keyslot, pbkdf }: LuksContent): string[] {
  return [
    ...(uuid === undefined ? [] : ["--uuid", uuid]),
    ...(label === undefined ? [] : ["--label", label]),
    ...(cipher === undefined ? [] : ["--cipher", cipher]),
    ...(keyBits === undefined ? [] : ["--key-size", String(keyBits)]),
    ...(keyslot === undefined ? [] : ["--key-slot", String(keyslot)]),
    ...pbkdfArguments(pbkdf),
  ];
}

/** Costs are forced: the benchmark that would choose them takes a second, and gives others each time. */
function pbkdfArguments({ type, iterations, memoryBytes, threads }: Pbkdf): string[] {
  const costs = ["--pbkdf", type, "--pbkdf-force-iterations", String(iterations)];
  return type === "pbkdf2" ? costs : [...costs, "--pbkdf-memory", String(memoryBytes / 1024), "--pbkdf-parallel", String(threads)];
}
