import { expect, test } from "vitest";
import { runSteps } from "../../src/boot/runner.ts";

const step = (name: string, ...require: string[]) => ({ name, script: `rc.d/${name}.js`, require });

test("a step starts when all that it requires have ended", async () => {
  const events: string[] = [];
  await runSteps([step("a"), step("b"), step("c", "a", "b")], async ({ name }) => {
    events.push(`${name} starts`);
    await new Promise((resolve) => setTimeout(resolve, name === "a" ? 20 : 5));
    events.push(`${name} ends`);
  });
  expect(events.slice(0, 2)).toEqual(["a starts", "b starts"]); // side by side
  expect(events.slice(-2)).toEqual(["c starts", "c ends"]);
});

test("after a failure no further step starts, those that run are waited for, and the first error is thrown", async () => {
  const events: string[] = [];
  const run = async ({ name }: { name: string }) => {
    if (name === "a") throw new Error("a failed");
    await new Promise((resolve) => setTimeout(resolve, 10));
    events.push(`${name} ends`);
  };
  await expect(runSteps([step("a"), step("b"), step("c", "a"), step("d", "b")], run)).rejects.toThrow("a failed");
  expect(events).toEqual(["b ends"]);
});
