import { createRequire } from "node:module";
import type { BootConfig, BootKind } from "../core/rc/boot-config.ts";
import { MkinitrdError } from "../core/errors.ts";
import { createFilesystems } from "../core/rc/filesystems.ts";
import { exitCode } from "../core/exec.ts";
import type { Context, KindScript, StepScript } from "../core/rc/types.ts";
import type { CrypttabEntry } from "../core/realroot/crypttab.ts";
import type { BootRequest, Stage } from "../core/realroot/types.ts";
import { volumeTree } from "../core/volumes/tree.ts";
import { AbsentError } from "./absent-error.ts";
import type { DeviceWatch } from "./devices.ts";
import { crypttabStages } from "./crypttab.ts";
import { exec } from "./exec.ts";
import { createHibernation } from "./hibernation.ts";
import { createKeyFiles } from "./key-files.ts";
import type { BootLog } from "./log.ts";
import { createProgress } from "./progress.ts";
import { createScan } from "./scan.ts";
import { createStages } from "./stages.ts";
import { createSystem } from "./system.ts";
import type { Screen } from "./tui/screen.ts";
import { createVolumes } from "./volumes.ts";

/** Where the boot program and the rc scripts lie in the image. */
export const LIBRARY_DIRECTORY = "/usr/lib/mkinitrd";
export const NEW_ROOT = "/new_root";

export interface Machine {
  config: BootConfig;
  request: BootRequest;
  devices: DeviceWatch;
  screen: Screen;
  log: BootLog;
  /** Of /etc/crypttab in the image. */
  crypttab?: CrypttabEntry[];
}

/** The context of the boot steps; the scripts of the stages get theirs from it, each with its own stage. */
export function createContext({ config, request, devices, screen, log, crypttab = [] }: Machine): Context {
  const system = createSystem(log, NEW_ROOT);
  const progress = createProgress(request.stages, (views) => screen.show({ stages: views }));
  const look = createScan(log);
  const scan = async () => {
    const volumes = await look();
    if (!request.quiet) screen.show({ volumes: volumeTree(volumes) });
    return volumes;
  };
  const timeoutMs = request.timeoutMs ?? Math.max(config.timeoutMs, request.leastTimeoutMs ?? 0);
  const stages = createStages({
    stages: [...request.stages, ...(request.atHand ?? [])],
    loadKind: async (kind) => loadScript(findKind(config, kind).script),
    contextFor,
    report(stage, state) {
      progress.set(stage, state);
      if (progress.allOpen()) screen.forget(); // no passphrase is needed any more
    },
  });
  return contextFor([]);

  function contextFor(chain: Stage[]): Context {
    const volumes = createVolumes({ devices, stages, log, timeoutMs, chain, scan, crypttab: crypttabStages(crypttab, request.stages), showWaiting: (text, isFound) => showWaiting(chain, text, isFound) });
    const filesystems = createFilesystems({ volumes, system, log, exec, request, ask: screen });
    return {
      realroot: chain.at(-1) ?? request.stages.at(-1)!,
      request,
      newRoot: NEW_ROOT,
      devices,
      volumes,
      stages: { serve: (stage) => stages.serveFor(chain, stage) },
      filesystems: { ...filesystems, async mount(mount) {
        await filesystems.mount(mount);
        if (mount.target === NEW_ROOT && request.stages.length > 0) progress.set(request.stages.at(-1)!, "mounted");
      } },
      ask: { showWaiting: screen.showWaiting, forget: screen.forget, passphrase: screen.passphrase, confirm: screen.confirm, unlock: (question, open) => screen.unlock(question, open, (state) => void (chain.length > 0 && progress.set(chain.at(-1)!, state))) },
      keyFiles: createKeyFiles({ find: volumes.find, mount: system.mount, unmount: async (target) => void (await exec("umount", [target])) }),
      log,
      system,
      hibernation: createHibernation(NEW_ROOT),
      exec,
      exitCode,
      isAbsent: (error) => error instanceof AbsentError,
      failure: (failure) => new MkinitrdError(failure),
    };
  }

  function showWaiting(chain: Stage[], text: string | undefined, isFound = false): void {
    const stage = chain.at(-1);
    if (stage !== undefined && (text !== undefined || isFound)) progress.waits(stage, text !== undefined);
    screen.showWaiting(text);
  }
}

/** A stage that the boot makes up itself, for a logical volume below, may be of a kind that the image lacks. */
function findKind(config: BootConfig, kind: string): BootKind {
  const found = Object.hasOwn(config.kinds, kind) ? config.kinds[kind] : undefined;
  if (found !== undefined) return found;
  throw new MkinitrdError({
    tried: "opening a stage",
    on: `the kind ${kind}`,
    found: `this image serves only ${Object.keys(config.kinds).join(", ")}`,
    next: `add ${kind} to realroots in mkinitrd.config.yaml and build the image again`,
  });
}

/** The default export of a rc script of the image. */
export async function loadScript<Script extends StepScript | KindScript>(script: string): Promise<Script> {
  const module = createRequire(`${LIBRARY_DIRECTORY}/`)(`./${script}`) as { default: Script };
  return module.default;
}
