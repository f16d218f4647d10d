import { type CompressionName, COMPRESSION_NAMES, COMPRESSIONS } from "../compressions.ts";
import type { Compression } from "../layers/types.ts";

/** What is wrong with a level of a format; undefined when nothing is. */
export function levelProblem(format: CompressionName | "none", level: number): string | undefined {
  if (format === "none") return "is there, but nothing is compressed";
  const { least, most } = COMPRESSIONS[format].levels;
  return level >= least && level <= most ? undefined : `is ${level}; ${format} has ${least} to ${most}`;
}

/** `zstd 1 to 19, gzip 1 to 9 …`, for a person who asks what there is. */
export function levelRanges(): string {
  return COMPRESSION_NAMES.map((name) => `${name} ${COMPRESSIONS[name].levels.least} to ${COMPRESSIONS[name].levels.most}`).join(", ");
}

/** A format with its usual level, where none is given. */
export function withLevel(format: CompressionName | "none", level?: number): Compression {
  return format === "none" ? { format } : { format, level: level ?? COMPRESSIONS[format].levels.usual };
}

/** `zstd`, `xz:9` or `none`, as on the command line; undefined when it is none of these. */
export function parseCompressionWord(text: string): Compression | undefined {
  const [, word = "", digits] = /^([a-z0-9]+)(?::(\d{1,2}))?$/.exec(text) ?? [];
  const format = [...COMPRESSION_NAMES, "none" as const].find((name) => name === word);
  if (format === undefined || (digits !== undefined && levelProblem(format, Number(digits)) !== undefined)) return undefined;
  return withLevel(format, digits === undefined ? undefined : Number(digits));
}
