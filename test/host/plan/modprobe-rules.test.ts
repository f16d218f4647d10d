import { expect, test } from "vitest";
import type { ModuleIndex } from "../../../src/host/plan/module-index.ts";
import { applyModprobeConfig } from "../../../src/host/plan/modprobe-rules.ts";

const index: ModuleIndex = {
  release: "6.12", directory: "/lib/modules/6.12", builtin: new Set(), softdeps: new Map(), weakdeps: new Map(), lookUp: () => [],
  modules: new Map([["usb_storage", { name: "usb_storage", path: "usb-storage.ko", dependencies: [] }]]),
};

test.each([
  ["/bin/false", true],
  ["/usr/bin/true  # never", true],
  ["exit 0", true],
  ["/bin/true && /sbin/modprobe --ignore-install usb-storage", false],
  ["/bin/false || /sbin/modprobe --ignore-install usb-storage", false],
  [": ; /sbin/modprobe --ignore-install usb-storage", false],
  ["/bin/true#", false],
])("install usb-storage %s: forbidden is %s", (rest, expected) => {
  const { forbidden } = applyModprobeConfig(index, [{ keyword: "install", subject: "usb-storage", rest, file: "/etc/modprobe.d/x.conf" }]);
  expect(forbidden?.has("usb_storage")).toBe(expected);
});
