import { MkinitrdError } from "../core/errors.ts";
import type { Context, KindScript, Stages } from "../core/rc/types.ts";
import type { Stage } from "../core/realroot/types.ts";

export interface StageRunner extends Stages {
  /** As `serve`, on behalf of the stages in `chain`, which wait for it: a stage that waits for itself is an error. */
  serveFor(chain: Stage[], stage: Stage): Promise<string>;
  /** Whether somebody has begun to serve it. */
  isServed(stage: Stage): boolean;
  /** The stages of the realroot that nobody has begun to serve. */
  unserved(): Stage[];
}

export interface StageRunnerOptions {
  stages: Stage[];
  loadKind(kind: string): Promise<KindScript>;
  /** Hears how far a stage is. */
  report?(stage: Stage, state: "open" | "failed"): void;
  /** The context that the script of a stage gets; `chain` ends with that stage. */
  contextFor(chain: Stage[]): Context;
}

/** Serves each stage once, whoever asks first: the unlock step, or a layer above that needs what it opens. */
export function createStages(options: StageRunnerOptions): StageRunner {
  const served = new Map<Stage, Promise<string>>();
  const serveFor = (chain: Stage[], stage: Stage): Promise<string> => {
    if (chain.includes(stage)) return Promise.reject(cycle([...chain.slice(chain.indexOf(stage)), stage]));
    let opened = served.get(stage);
    if (opened === undefined) {
      opened = options.loadKind(stage.kind).then((script) => script(options.contextFor([...chain, stage])));
      served.set(stage, opened);
      void opened.then(() => options.report?.(stage, "open"), () => options.report?.(stage, "failed"));
    }
    return opened;
  };
  return {
    serve: (stage) => serveFor([], stage),
    serveFor,
    isServed: (stage) => served.has(stage),
    unserved: () => options.stages.filter((stage) => !served.has(stage)),
  };
}

function cycle(chain: Stage[]): MkinitrdError {
  return new MkinitrdError({
    tried: "opening the stages of the realroot",
    on: chain[0]!.device,
    found: `${chain.map((stage) => `${stage.kind}:${stage.device}`).join(" → ")} is a cycle`,
    next: "let the first stage name a device that no other stage opens",
  });
}
