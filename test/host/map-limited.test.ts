import { setImmediate } from "node:timers/promises";
import { expect, test } from "vitest";
import { mapLimited } from "../../src/host/map-limited.ts";

test("results are in the order of the items, and never more than the limit run", async () => {
  let running = 0;
  let most = 0;
  const results = await mapLimited([5, 4, 3, 2, 1, 0], 2, async (item) => {
    most = Math.max(most, ++running);
    for (let turn = 0; turn < item; turn++) await setImmediate();
    running--;
    return item * 10;
  });
  expect(results).toEqual([50, 40, 30, 20, 10, 0]);
  expect(most).toBe(2);
});

test("an error of one is the error of all", async () => {
  await expect(mapLimited([1, 2], 2, async (item) => { if (item === 2) throw new Error("two"); })).rejects.toThrow("two");
  expect(await mapLimited([], 2, async () => 1)).toEqual([]);
});
