import { expect, test } from "vitest";
import { createStages } from "../../src/boot/stages.ts";
import { createTestContext } from "../../src/core/rc/testing.ts";
import type { Context } from "../../src/core/rc/types.ts";
import type { Stage } from "../../src/core/realroot/types.ts";

const stage = (kind: string, device: string, name?: string): Stage => ({
  kind, fstype: "none", device, options: {}, mountOptions: [], ...(name === undefined ? {} : { name }),
});

test("a stage is served once, whoever asks", async () => {
  const only = stage("crypt", "/dev/vda2");
  let served = 0;
  const stages = createStages({
    stages: [only],
    loadKind: async () => async () => `/dev/mapper/opened${++served}`,
    contextFor: () => createTestContext(),
  });
  expect(stages.unserved()).toEqual([only]);
  expect(await Promise.all([stages.serve(only), stages.serve(only)])).toEqual(["/dev/mapper/opened1", "/dev/mapper/opened1"]);
  expect(stages.unserved()).toEqual([]);
});

test("a stage that waits for itself through another is an error that names the loop", async () => {
  const [a, b] = [stage("crypt", "/dev/mapper/b", "a"), stage("crypt", "/dev/mapper/a", "b")];
  const chains = new Map<Context, Stage[]>();
  const stages = createStages({
    stages: [a, b],
    loadKind: async () => async (ctx) => stages.serveFor(chains.get(ctx)!, ctx.realroot === a ? b : a),
    contextFor: (chain) => {
      const ctx = { ...createTestContext(), realroot: chain.at(-1)! };
      chains.set(ctx, chain);
      return ctx;
    },
  });
  await expect(stages.serve(a)).rejects.toThrow(/crypt:\/dev\/mapper\/b → crypt:\/dev\/mapper\/a → crypt:\/dev\/mapper\/b is a cycle/);
});
