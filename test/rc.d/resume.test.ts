import { expect, test } from "vitest";
import resume from "../../rc.d/resume.ts";
import { createTestContext, type TestContextOptions } from "../../src/core/rc/testing.ts";

const SWAP = { "/dev/vda3": { name: "/dev/vda3", path: "/dev/vda3", number: "254:3" } };
const IMAGE = { type: "swsuspend", version: "s1suspend" };

async function recorded(options: TestContextOptions, offsetPages = 0): Promise<string[]> {
  const ctx = createTestContext({ volumes: SWAP, request: { resume: { device: "/dev/vda3", offsetPages } }, ...options });
  await resume(ctx);
  return ctx.recorded;
}

test("an image is resumed from by the device's number", async () => {
  expect(await recorded({ areas: { "/dev/vda3+0": IMAGE } })).toEqual([
    "step resuming from the hibernation image on /dev/vda3", "resume 254:3 0",
    "warn the kernel did not resume from /dev/vda3, and the boot goes on; its log says why", "give up resuming",
  ]);
});

test("an image in a swap file is looked for, and resumed from, at its page", async () => {
  expect(await recorded({ areas: { "/dev/vda3+38912": IMAGE } }, 38912)).toContain("resume 254:3 38912");
});

test("without resume= nothing is looked at", async () => {
  expect(await recorded({ request: {}, areas: { "/dev/vda3+0": IMAGE } })).toEqual([]);
});

test.each([
  { what: "swap without an image", areas: { "/dev/vda3+0": { type: "swap", version: "1" } }, said: [] },
  { what: "no swap", areas: {}, said: ["warn not resuming from /dev/vda3: no swap area is there"] },
  { what: "an image of another program", areas: { "/dev/vda3+0": { type: "swsuspend", version: "ulsuspend" } }, said: ["warn not resuming from /dev/vda3: its image is of ulsuspend, and not the kernel's own"] },
  { what: "no such device", volumes: {}, areas: {}, said: ["warn not resuming from /dev/vda3: it did not appear"] },
])("$what: the boot goes on, and nothing is resumed later", async ({ said, what: _, ...options }) => {
  expect(await recorded(options)).toEqual([...said, "give up resuming"]);
});

test("nothing is resumed when the root was mounted already", async () => {
  expect(await recorded({ obstacle: "the root was mounted", areas: { "/dev/vda3+0": IMAGE } })).toEqual(["warn not resuming from /dev/vda3: the root was mounted"]);
});

test("a passphrase that failed ends the attempt: the image must not be lost", async () => {
  const ctx = createTestContext({ request: { resume: { device: "/dev/vda3", offsetPages: 0 } } });
  const find = () => Promise.reject(ctx.failure({ tried: "unlocking", on: "/dev/vda2", found: "3 passphrases, none fits" }));
  await expect(resume({ ...ctx, volumes: { ...ctx.volumes, find } })).rejects.toThrow(/none fits/);
  expect(ctx.recorded).toEqual([]);
});
