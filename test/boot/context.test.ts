import { expect, test } from "vitest";
import { DEFAULT_RESCUE } from "../../src/core/rc/boot-config.ts";
import { createContext } from "../../src/boot/context.ts";
import { createScreen } from "../../src/boot/tui/screen.ts";
import { createTestContext } from "../../src/core/rc/testing.ts";

test("a logical volume below the root, in an image that has no script for LVM: the error says how to build one", async () => {
  const { request, log, devices } = createTestContext();
  const config = { steps: [], kinds: { local: { script: "rc.d/local.js", fields: ["device"], options: [], encrypted: false } }, realroot: "", sealed: false, encrypted: false, rescue: DEFAULT_RESCUE, timeoutMs: 10, imageId: "" };
  const watch = { ...devices, generation: 0, settled: true, changed: async () => {} };
  const context = createContext({ config, request, devices: watch, screen: createScreen({ terminals: [] }), log: { ...log, lines: () => [], show() {} } });
  const stage = { kind: "lvm", fstype: "none", device: "vg00/lv0", options: {}, mountOptions: [] };
  await expect(context.stages.serve(stage)).rejects.toThrow(/on the kind lvm: this image serves only local\n {2}next: add lvm to realroots/);
});
