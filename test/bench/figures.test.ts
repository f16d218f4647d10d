import { expect, test } from "vitest";
import { findSmallest, isMet, leastOf, median, medianOf, ratio } from "../../bench/figures.ts";

test.each([
  { values: [3], middle: 3 },
  { values: [10, 9, 100], middle: 10 }, // as numbers, not as text
  { values: [4, 1, 3, 2], middle: 2.5 },
])("the median of $values is $middle", ({ values, middle }) => {
  expect(median(values)).toBe(middle);
});

test("the median of nothing is an error, and of figures that nobody has is undefined", () => {
  expect(() => median([])).toThrow(RangeError);
  expect(medianOf([{}, {}], (item: { seconds?: number }) => item.seconds)).toBeUndefined();
  expect(medianOf([{}, { seconds: 2 }], (item: { seconds?: number }) => item.seconds)).toBe(2);
});

test("the least is that of the measurements which have the figure, and a ratio needs both sides", () => {
  expect(leastOf([{ seconds: 10 }, {}, { seconds: 9 }], (item: { seconds?: number }) => item.seconds)).toBe(9);
  expect(leastOf([{}], (item: { seconds?: number }) => item.seconds)).toBeUndefined();
  expect([ratio(9, 10), ratio(undefined, 10), ratio(9, undefined)]).toEqual([0.9, undefined, undefined]);
});

test("a target is met up to its limit, and neither met nor missed when it was not measured", () => {
  const target = { name: "rebuild", limit: 1, unit: "s" };
  expect([isMet({ ...target, value: 1 }), isMet({ ...target, value: 1.01 }), isMet(target)]).toEqual([true, false, undefined]);
});

const RANGE = { from: 128, to: 512, step: 16 };

test.each([
  { needs: 320, guess: 320, most: 2 },
  { needs: 320, guess: 313, most: 2 }, // not a step: rounded up
  { needs: 304, guess: 320, most: 6 },
  { needs: 336, guess: 320, most: 6 },
  { needs: 129, guess: 320, most: 6 },
  { needs: 0, guess: 9999, most: 6 },
  { needs: 512, guess: 0, most: 6 },
])("the smallest value from $needs on is found with a guess of $guess in at most $most tries", async ({ needs, guess, most }) => {
  const tried: number[] = [];
  const found = await findSmallest(RANGE, guess, async (value) => tried.push(value) > 0 && value >= needs);
  expect(found).toBe(Math.max(128, Math.ceil(needs / 16) * 16));
  expect(tried.length).toBeLessThanOrEqual(most);
  expect(new Set(tried).size).toBe(tried.length);
});

test("a range in which nothing works has no smallest value", async () => {
  expect(await findSmallest(RANGE, 320, async () => false)).toBeUndefined();
});
