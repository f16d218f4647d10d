import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    projects: [
      // Beside booting machines a property test takes its time.
      { test: { name: "unit", include: ["test/**/*.test.{ts,tsx}"], exclude: ["test/vm/**"], testTimeout: 30_000, expect: { poll: { timeout: 10_000 } } } },
      {
        test: {
          name: "vm",
          include: ["test/vm/**/*.test.ts"],
          globalSetup: "test/vm/global-setup.ts",
          testTimeout: 180_000,
          hookTimeout: 600_000,
          maxWorkers: 2,
        },
      },
    ],
  },
});
