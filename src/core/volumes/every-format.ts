import { probeBefs } from "../formats/befs.ts";
import * as foreign from "../formats/foreign-superblocks.ts";
import { probeHammer2 } from "../formats/hammer2.ts";
import { probeHfs } from "../formats/hfs.ts";
import { probeMinix } from "../formats/minix.ts";
import { probeOtherTable } from "../formats/other-tables.ts";
import { probeUdf } from "../formats/udf.ts";
import { RARER_FORMATS } from "./rarer-formats.ts";
import type { Formats } from "./rarer-formats.ts";

/** Every format that we know, for who looks at any disk: the image, where each byte counts, has only RARER_FORMATS. */
export const EVERY_FORMAT: Formats = {
  inFirstSector: [
    ...RARER_FORMATS.inFirstSector, probeHammer2, foreign.probeDrbdmanage, foreign.probeUbifs, foreign.probeFvault2,
  ],
  // A UDF is often an ISO 9660, too; of the two it is the first, as libblkid has it.
  behindFirstSector: [
    probeUdf, ...RARER_FORMATS.behindFirstSector, foreign.probeVmfsMember, probeBefs, foreign.probeScoutfsMeta, foreign.probeScoutfsData,
    foreign.probeVxfsLittle, foreign.probeVxfsBig, foreign.probeNss, foreign.probeVmfs, probeHfs, probeMinix,
  ],
  table: probeOtherTable,
};
