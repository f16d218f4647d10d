import { planBoot, planSite } from "./boot-layer.ts";
import { planCrypttab } from "./crypttab.ts";
import type { HostFacts, ImageConfig } from "./facts.ts";
import { planHostname } from "./hostname.ts";
import { planKeymaps } from "./keymaps.ts";
import { libraryFinder } from "./libraries.ts";
import { withManifest } from "./manifest.ts";
import { mergeLayers } from "./merge.ts";
import { planMicrocode } from "./microcode.ts";
import { planModules } from "./modules-layer.ts";
import { planRescue } from "./rescue.ts";
import { planRuntime } from "./runtime-layer.ts";
import { chooseScripts } from "./scripts.ts";
import { planTools } from "./tools-layer.ts";
import type { Plan } from "./types.ts";

/**
 * Decides what goes into an image, and why; writes nothing. Throws when something required is missing, and when two
 * entries claim one path.
 */
export async function planImage(config: ImageConfig, facts: HostFacts): Promise<Plan> {
  const chosen = chooseScripts(facts.scripts, config);
  const libraries = libraryFinder(facts.sysroot, { file: facts.nodeBinary });
  const runtime = await planRuntime(facts.nodeBinary, libraries);
  const tools = await planTools(facts, libraries, chosen.scripts, config);
  const crypttab = planCrypttab(config, chosen);
  const keymaps = await planKeymaps(config.keymaps ?? [], facts.sysroot);
  const hostname = planHostname(config.hostname, facts.sysroot);
  const rescue = await planRescue(config.rescue, chosen.encrypted, facts.memo);
  const modules = await planModules(facts, chosen, config);
  const microcode = await planMicrocode(config.microcode ?? "auto", facts);
  const layers = mergeLayers([
    ...(microcode.entries.length === 0 ? [] : [{ name: "early" as const, entries: microcode.entries }]),
    { name: "runtime", entries: runtime },
    { name: "tools", entries: tools.entries },
    { name: "modules", entries: modules.entries },
    { name: "boot", entries: planBoot(facts, chosen) },
    { name: "site", entries: [...planSite(config, chosen, rescue, { hostname: hostname.name, keymaps: keymaps.names }), ...crypttab.entries, ...keymaps.entries] },
  ]);
  return {
    layers: config.manifest === false ? layers : withManifest(layers, chosen, config),
    kernelRelease: facts.modules.release,
    steps: chosen.steps.map(({ name }) => name),
    kinds: Object.keys(chosen.kinds).sort(),
    notes: [...microcode.notes, ...tools.notes, ...modules.notes, ...crypttab.notes, ...keymaps.notes, ...hostname.notes],
  };
}
