import { expect, test } from "vitest";
import { ARCHITECTURES } from "../../../src/host/architecture.ts";
import { openFileMemo } from "../../../src/host/file-memo.ts";
import { prepareRuntime } from "../../../src/host/layers/prepare-runtime.ts";
import { openSysroot } from "../../../src/host/plan/sysroot.ts";

test("sources that nothing was built of are an error that says how they are built", async () => {
  await expect(prepareRuntime({ architecture: ARCHITECTURES.x86_64, sysroot: openSysroot("/"), program: "/none/dist/image/boot.cjs", memo: openFileMemo("/none/memo.json") }))
    .rejects.toThrow("finding the boot program on /none/dist/image/boot.cjs: no such file: it is made of the sources, and has not been\n  next: npm run build");
});
