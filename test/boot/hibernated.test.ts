import { expect, test } from "vitest";
import { hibernationInSight } from "../../src/boot/hibernated.ts";
import type { Content, Volume } from "../../src/core/volumes/types.ts";

const volume = (name: string, type: string, more: Partial<Volume> = {}): Volume => ({ name, path: name, layer: "partition", sizeBytes: 1, content: { type } as Content, ...more });
const SWAP = volume("/dev/vda3", "swap");
const RESUME = { device: "/dev/vda3", offsetPages: 0 };
const area = (type?: string) => async () => (type === undefined ? undefined : ({ type } as Content));

test.each<{ what: string; volumes: Volume[]; resume?: typeof RESUME; found?: string; says?: RegExp }>([
  { what: "no swap at all", volumes: [volume("/dev/vda1", "vfat")] },
  { what: "an empty swap area that nothing names", volumes: [SWAP] },
  { what: "an empty swap area that resume= names", volumes: [SWAP], resume: RESUME, found: "swap" },
  { what: "an image that nothing names", volumes: [SWAP, volume("/dev/vdb1", "swsuspend")], says: /hibernated: its image is on \/dev\/vdb1/ },
  { what: "an image in a swap file", volumes: [volume("/dev/vda3", "ext4")], resume: { ...RESUME, offsetPages: 34816 }, found: "swsuspend", says: /may be hibernated: \/dev\/vda3 \(resume=\) holds its image/ },
  { what: "a swap area that is not open", volumes: [], resume: RESUME, says: /may be hibernated: \/dev\/vda3 \(resume=\) can't be looked into/ },
  { what: "a place of resume= without a swap area", volumes: [SWAP], resume: RESUME, says: /can't be looked into/ },
])("$what", async ({ volumes, resume, found, says }) => {
  const reason = await hibernationInSight(volumes, resume, area(found));
  if (says === undefined) expect(reason).toBeUndefined();
  else expect(reason).toMatch(says);
});

test("a device that can't be read may hold an image", async () => {
  await expect(hibernationInSight([SWAP], RESUME, () => Promise.reject(new Error("EIO")))).resolves.toMatch(/can't be looked into/);
});
