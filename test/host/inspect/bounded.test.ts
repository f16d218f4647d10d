import { expect, test } from "vitest";
import { surveyDisks } from "../../../src/host/inspect/survey.ts";
import { countingSource, largeDisk, type Piece } from "../../fixtures/large-disk.ts";

const [GIB, TIB] = [2 ** 30, 2 ** 40];
/** What docs/disks.md says: of a volume that holds nothing, which takes the most, 0.54 MiB are read. */
const PER_VOLUME_BYTES = 640 * 1024;

async function readBytes(sizeBytes: number, pieces: Piece[]): Promise<{ bytes: number; types: (string | undefined)[] }> {
  const source = countingSource(sizeBytes, pieces);
  const { volumes } = await surveyDisks([{ path: source.name, source }]);
  return { bytes: source.readBytes, types: volumes.map(({ content }) => content?.type) };
}

test.each([
  { what: "a disk with a GPT, an ext4, a LUKS2 and a physical volume", pieces: largeDisk, types: [undefined, "ext4", "crypto_LUKS", "LVM2_member", undefined, undefined] },
  { what: "an empty disk", pieces: () => [], types: [undefined] },
])("of $what as many bytes are read whether it has 1 GiB, 1 TiB or 8 TiB", async ({ pieces, types }) => {
  const small = await readBytes(GIB, pieces(GIB));
  expect(small.types).toEqual(types);
  expect(small.bytes).toBeLessThan(PER_VOLUME_BYTES * types.length);
  for (const size of [TIB, 8 * TIB]) expect(await readBytes(size, pieces(size))).toEqual(small);
});
