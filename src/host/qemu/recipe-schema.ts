import { basename, dirname, resolve } from "node:path";
import { z } from "zod";
import type { KindTable } from "../../core/realroot/types.ts";
import { parseRealrootKey } from "../config/realroot-key.ts";
import { parseYaml } from "../config/yaml-document.ts";
import { readText } from "../read-text.ts";
import { answersSchema } from "./answers.ts";
import { checkRecipe } from "./recipe-check.ts";
import { LOGICAL_VOLUME_TYPES, type ArrayLevel, type Content, type DebianRoot, type LogicalVolume, type Partition, type Recipe, type RecipeDisk, type Root } from "./recipe.ts";

const UNITS: Record<string, number> = { K: 1024, M: 1024 ** 2, G: 1024 ** 3, T: 1024 ** 4 };
const TYPES = {
  gpt: {
    linux: "0FC63DAF-8483-4772-8E79-3D69D8477DE4",
    luks: "CA7D7CCB-63ED-4C53-861C-1742536059CC",
    lvm: "E6D6D379-F507-44C2-A23C-238F2A3DF928",
    swap: "0657FD6D-A4AB-43C4-84E5-0933C84B4F4F",
    efi: "C12A7328-F81F-11D2-BA4B-00A0C93EC93B",
  },
  dos: { linux: "83", luks: "E8", lvm: "8E", swap: "82", efi: "EF" },
} as const;
/** In bytes; TrueCrypt's limit. */
const MAX_TCRYPT_PASSPHRASE = 64;
/** Of the logical volumes that have stripes, how many they have unless it says so. */
const STRIPES: Partial<Record<LogicalVolume["type"], number>> = { linear: 1, raid5: 2, raid10: 2 };
const TYPE_NAMES = ["linux", "luks", "lvm", "swap", "efi"] as const;

/** Reads and checks a recipe, its realroot by the kinds that are given. Throws with file, line and column of what is wrong. */
export function readRecipe(file: string, kinds?: KindTable): Recipe {
  return parseRecipe(readText(file, { tried: "reading the recipe" }), file, kinds);
}

/** The recipe that a text is, named after its file. */
export function parseRecipe(text: string, file: string, kinds?: KindTable): Recipe {
  const { disks, arrays, about, realroot, answers, ...rest } = parseYaml(schema, text, file);
  const recipe: Recipe = {
    name: basename(file).replace(/\.ya?ml$/, ""),
    folder: dirname(resolve(file)),
    about,
    disks,
    arrays: Object.entries(arrays).map(([name, { level, metadata, uuid, content }]) => ({ name, level, metadata, uuid, content })),
    volumeGroups: Object.entries(rest["volume-groups"]).map(([name, group]) => ({ name, logicalVolumes: group["logical-volumes"] })),
    realroot: realroot.trim().replace(/\s+/g, " "),
    answers,
  };
  checkRecipe(recipe, text, file);
  if (kinds !== undefined) parseRealrootKey(recipe.realroot, kinds, { text, fileName: file });
  return recipe;
}

const text = z.string().min(1).refine((value) => !/[\u0000-\u001f\u007f"]/.test(value), "holds a quote or a control character");
const lvmName = z.string().regex(/^[A-Za-z0-9_+.][A-Za-z0-9_+.-]*$/).max(100);
const arrayName = z.string().regex(/^[A-Za-z0-9_.][A-Za-z0-9_.-]*$/).max(32);
const UUID = /^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$/;
const uuid = z.string().regex(UUID);
/** A file of ext4 is no larger than 16 TiB. */
const LARGEST_BYTES = 8 * 1024 ** 4;
const size = z.string().refine((value) => /^[1-9]\d{0,6}[KMGT]$/.test(value), "is no size like 64M or 4G").transform((value) => Number(value.slice(0, -1)) * (UNITS[value.slice(-1)] ?? 1))
  .refine((bytes) => bytes <= LARGEST_BYTES, "is more than 8T");

const pbkdf = z.strictObject({
  type: z.enum(["pbkdf2", "argon2i", "argon2id"]).optional(),
  iterations: z.int().min(4).max(100_000_000).optional(),
  memory: size.default(32 * 1024 ** 2),
  threads: z.int().min(1).max(4).default(1),
});

const filePath = z.string().regex(/^(\/[A-Za-z0-9_@.+-]+)+$/, "is no absolute path of plain characters").refine((path) => !path.split("/").includes(".."), "leaves the root");
const fileText = z.union([z.string().transform((text) => ({ text, mode: 0o644 })), z.strictObject({ text: z.string(), mode: z.string().regex(/^0[0-7]{3}$/).transform((mode) => parseInt(mode, 8)) })]);
const debianRoot = z.strictObject({ debian: z.string().regex(/^[a-z]+$/), files: z.record(filePath, fileText).default({}) })
  .transform(({ debian, files }): DebianRoot => ({ kind: "debian", suite: debian, files: Object.entries(files).map(([path, file]) => ({ path, ...file })) }));

const busyboxRoot = z.strictObject({ busybox: z.enum(["whole", "usr", "without-usr"]), fstab: z.array(text).default([]), sysroot: text.optional() });

/** `luks:`, `tcrypt:`, `veracrypt:`, `pv:`, `md:`, `member:` or `filesystem:`, with what belongs to it beside or below. */
const content: z.ZodType<Content> = z.lazy(() => z.strictObject({
  luks: luks.optional(),
  tcrypt: tcrypt.optional(),
  veracrypt: veracrypt.optional(),
  plain: plain.optional(),
  pv: lvmName.optional(),
  md: arrayName.optional(),
  member: text.optional(),
  filesystem: z.enum(["ext4", "xfs", "btrfs", "squashfs", "erofs", "vfat", "swap"]).optional(),
  label: text.optional(),
  uuid: text.optional(),
  subvolume: z.string().regex(/^[A-Za-z0-9@._-]+$/).optional(),
  root: z.union([z.literal("busybox"), z.strictObject({ directory: text }), busyboxRoot, debianRoot]).optional(),
  files: z.record(z.string().regex(/^[A-Za-z0-9_][A-Za-z0-9_.-]*$/), text).optional(),
}).superRefine((value, context) => {
  const kinds = (["luks", "plain", "tcrypt", "veracrypt", "pv", "md", "member", "filesystem"] as const).filter((kind) => value[kind] !== undefined);
  if (kinds.length !== 1) context.addIssue({ code: "custom", message: kinds.length === 0 ? "holds none of luks, plain, tcrypt, veracrypt, pv, md, member, filesystem" : `holds ${kinds.join(" and ")}; one of them` });
  for (const key of ["label", "uuid", "subvolume", "root", "files"] as const) {
    if (value.filesystem === undefined && value[key] !== undefined) context.addIssue({ code: "custom", path: [key], message: "belongs to a filesystem" });
  }
  if (value.filesystem === undefined) return;
  const form = value.filesystem === "vfat" ? /^[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}$/ : UUID;
  if (value.uuid !== undefined && !form.test(value.uuid)) context.addIssue({ code: "custom", path: ["uuid"], message: `is "${value.uuid}", no ${value.filesystem === "vfat" ? "volume ID like 1A2B-3C4D" : "UUID"}` });
  if (value.subvolume !== undefined && value.filesystem !== "btrfs") context.addIssue({ code: "custom", path: ["subvolume"], message: `can't lie on ${value.filesystem}: only btrfs has them` });
  const isImage = value.filesystem === "squashfs" || value.filesystem === "erofs";
  if (isImage && value.root === undefined) context.addIssue({ code: "custom", path: ["filesystem"], message: `is ${value.filesystem}, which is made of a root's files: root is missing` });
  for (const key of ["label", "uuid"] as const) {
    const has = !isImage || (value.filesystem === "erofs" && key === "uuid"); // its maker gives no label
    if (!has && value[key] !== undefined) context.addIssue({ code: "custom", path: [key], message: `is nothing that a ${value.filesystem} is made with` });
  }
  if (value.root !== undefined && (value.filesystem === "vfat" || value.filesystem === "swap")) context.addIssue({ code: "custom", path: ["root"], message: `can't lie on ${value.filesystem}: no links there` });
  if (value.files !== undefined && value.filesystem === "swap") context.addIssue({ code: "custom", path: ["files"], message: "can't lie on swap" });
}).transform(({ luks, plain, tcrypt, veracrypt, pv, md, member, filesystem, label, uuid, subvolume, root, files }): Content => {
  if (luks !== undefined) return luks;
  if (plain !== undefined) return plain;
  if (tcrypt !== undefined) return tcrypt;
  if (veracrypt !== undefined) return veracrypt;
  if (pv !== undefined) return { kind: "pv", vg: pv };
  if (md !== undefined) return { kind: "md", array: md };
  if (member !== undefined) return { kind: "member", of: member };
  return { kind: "filesystem", fstype: filesystem ?? "ext4", label, uuid, subvolume, root: readRoot(root), files: files ?? {} };
}));

const plain = z.strictObject({
  passphrase: text,
  cipher: z.string().regex(/^[a-z0-9:()_-]+$/),
  "key-bits": z.int().min(64).max(1024),
  hash: z.string().regex(/^[a-z0-9-]+$/),
  content: content.optional(),
}).transform(({ passphrase, cipher, hash, content, ...rest }): Content => ({ kind: "plain", passphrase, isKey: false, cipher, keyBits: rest["key-bits"], hash, offsetSectors: 0, skipSectors: 0, sectorBytes: 512, content }));

const luks = z.strictObject({
  version: z.literal([1, 2]).default(2),
  passphrase: text,
  uuid: uuid.optional(),
  label: text.optional(),
  cipher: z.string().regex(/^[a-z0-9:()_-]+$/).optional(),
  "key-bits": z.int().min(64).max(1024).optional(),
  pbkdf: pbkdf.prefault({}),
  header: text.optional().describe("Label of the partition that holds the header; in front of the payload when not given."),
  content: content.optional(),
}).superRefine(({ version, label, pbkdf: { type } }, context) => {
  if (version === 2) return;
  if (label !== undefined) context.addIssue({ code: "custom", path: ["label"], message: "is of LUKS2 alone" });
  if (type !== undefined && type !== "pbkdf2") context.addIssue({ code: "custom", path: ["pbkdf", "type"], message: `is ${type}; LUKS1 has pbkdf2 alone` });
}).transform((value): Content => {
  const type = value.pbkdf.type ?? (value.version === 1 ? "pbkdf2" : "argon2id");
  return {
    kind: "luks", version: value.version, passphrase: value.passphrase, uuid: value.uuid, label: value.label, cipher: value.cipher, keyBits: value["key-bits"],
    pbkdf: { type, iterations: value.pbkdf.iterations ?? (type === "pbkdf2" ? 1000 : 4), memoryBytes: value.pbkdf.memory, threads: value.pbkdf.threads },
    header: value.header, content: value.content,
  };
});

const tcryptVolume = {
  passphrase: text.max(MAX_TCRYPT_PASSPHRASE),
  cipher: z.enum(["aes", "serpent", "twofish", "twofish-aes", "serpent-twofish-aes", "aes-serpent", "aes-twofish-serpent", "serpent-twofish"]).default("aes"),
  hash: z.enum(["ripemd160", "sha512", "whirlpool"]).default("sha512"),
  keyfiles: z.array(text).max(8).default([]),
  content: content.optional(),
};

const tcrypt = z.strictObject({
  ...tcryptVolume,
  destroy: z.literal("primary").optional(),
  hidden: z.strictObject({ ...tcryptVolume, size }).transform(({ size, ...hidden }) => ({ ...hidden, content: hidden.content, sizeBytes: size })).optional(),
}).superRefine(({ content, hidden }, context) => {
  if (hidden !== undefined && content !== undefined && content.kind !== "filesystem") context.addIssue({ code: "custom", path: ["content"], message: "is no filesystem, and it must be closed before the hidden volume is opened" });
}).transform(({ content, hidden, destroy, ...value }): Content => ({ kind: "tcrypt", ...value, content, hidden, destroy, isProtected: false }));

const veracrypt = z.strictObject({
  type: z.enum(["truecrypt", "veracrypt"]).default("veracrypt"),
  system: z.boolean().default(false),
  size,
  claims: size.optional(),
  passphrase: text.max(MAX_TCRYPT_PASSPHRASE),
  hash: z.enum(["sha512", "sha256", "ripemd160"]).default("sha512"),
  pim: z.int().min(1).max(485).default(1),
  keyfiles: z.array(text).max(8).default([]),
  hidden: z.boolean().default(false),
  content: content.optional(),
}).superRefine(({ type, system, hidden, hash, claims, content }, context) => {
  if (hidden && (system || claims !== undefined)) context.addIssue({ code: "custom", path: ["hidden"], message: "is of a volume that is no system encryption and claims nothing" });
  if (type === "truecrypt" && !system) context.addIssue({ code: "custom", path: ["type"], message: "is truecrypt; the tcplay program makes those that are no system encryption: tcrypt" });
  if (type === "truecrypt" && hash === "sha256") context.addIssue({ code: "custom", path: ["hash"], message: "is sha256; TrueCrypt has ripemd160 and sha512" });
  if (claims !== undefined && (system || content !== undefined)) context.addIssue({ code: "custom", path: ["claims"], message: "belongs to a volume that is no system encryption and has no content" });
}).transform(({ size, claims, ...value }): Content => ({ kind: "veracrypt", sizeBytes: size, claimedBytes: claims, ...value, content: value.content }));

const partition = z.strictObject({
  size: size.optional(),
  type: z.string().default("linux"),
  label: text.optional(),
  uuid: uuid.optional(),
  content: content.optional(),
});

const disk = z.strictObject({
  size,
  table: z.enum(["gpt", "dos", "none"]).default("gpt"),
  id: z.string().regex(/^(0x[0-9A-Fa-f]{8}|[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12})$/).optional(),
  partitions: z.array(partition).max(128).default([]),
  content: content.optional(),
}).superRefine((value, context) => {
  if (value.table === "none" && value.partitions.length > 0) context.addIssue({ code: "custom", path: ["partitions"], message: "needs a table" });
  if (value.table === "dos" && value.partitions.length > 4) context.addIssue({ code: "custom", path: ["partitions"], message: "are more than the 4 of a DOS table" });
  if (value.table !== "none" && value.content !== undefined) context.addIssue({ code: "custom", path: ["content"], message: "needs `table: none`, or belongs into a partition" });
  value.partitions.forEach(({ type, label, uuid, size }, i) => {
    for (const [key, given] of Object.entries({ label, uuid })) {
      if (value.table === "dos" && given !== undefined) context.addIssue({ code: "custom", path: ["partitions", i, key], message: "is of a GPT alone" });
    }
    if (size === undefined && i < value.partitions.length - 1) context.addIssue({ code: "custom", path: ["partitions", i, "size"], message: "is missing: only the last partition takes the rest" });
    if (value.table !== "none" && partitionType(value.table, type) === undefined) {
      const other = value.table === "gpt" ? "a GUID" : "two hexadecimal digits";
      context.addIssue({ code: "custom", path: ["partitions", i, "type"], message: `is "${type}"; known: ${TYPE_NAMES.join(", ")}, or ${other}` });
    }
  });
}).transform(({ size, table, id, partitions, content }): RecipeDisk => ({
  sizeBytes: size,
  content,
  table: table === "none" ? undefined : {
    type: table, id,
    partitions: partitions.map(({ size, type, label, uuid, content }): Partition => ({ sizeBytes: size, type: partitionType(table, type) ?? type, label, uuid, content })),
  },
}));

const logicalVolume = z.strictObject({
  name: lvmName,
  size: size.optional(),
  type: z.enum(LOGICAL_VOLUME_TYPES).default("linear"),
  stripes: z.int().min(1).max(16).optional(),
  origin: lvmName.optional(),
  content: content.optional(),
}).superRefine(({ content, origin, size, stripes, type }, context) => {
  const refuse = (key: string, message: string) => context.addIssue({ code: "custom", path: [key], message });
  if (stripes !== undefined && !Object.hasOwn(STRIPES, type)) refuse("stripes", `are of ${Object.keys(STRIPES).join(", ")} alone`);
  if (stripes === 1 && type === "raid5") refuse("stripes", "are at least 2 in a raid5");
  if ((type === "snapshot") !== (origin !== undefined)) refuse("origin", type === "snapshot" ? "is missing: which volume the snapshot is of" : "is of a snapshot alone");
  if (type === "snapshot" && content !== undefined) refuse("content", "is that of its origin");
  if (type !== "linear" && size === undefined) refuse("size", `is missing: only a linear one takes the rest`);
}).transform(({ name, size, type, stripes, origin, content }): LogicalVolume =>
  ({ name, sizeBytes: size, type, stripes: stripes ?? STRIPES[type] ?? 1, origin, content }));

const array = z.strictObject({
  level: z.union([z.enum(["linear"]), z.literal([0, 1, 4, 5, 6, 10])]).transform((level) => String(level) as ArrayLevel),
  metadata: z.enum(["0.90", "1.0", "1.1", "1.2"]).default("1.2"),
  uuid: uuid.optional(),
  content: content.optional(),
});

const schema = z.strictObject({
  about: text.default(""),
  disks: z.array(disk).min(1).max(8),
  arrays: z.record(arrayName, array).default({}),
  "volume-groups": z.record(lvmName, z.strictObject({ "logical-volumes": z.array(logicalVolume).min(1) })).default({}),
  realroot: z.string().default(""),
  answers: answersSchema.default({}),
});

function partitionType(table: "gpt" | "dos", type: string): string | undefined {
  const name = TYPE_NAMES.find((known) => known === type);
  if (name !== undefined) return TYPES[table][name];
  const literal = table === "gpt" ? uuid.safeParse(type).success : /^[0-9A-Fa-f]{1,2}$/.test(type);
  return literal ? type : undefined;
}

function readRoot(root: "busybox" | { directory: string } | z.infer<typeof busyboxRoot> | DebianRoot | undefined): Root | undefined {
  if (root === undefined) return undefined;
  if (root === "busybox") return { kind: "busybox", part: "whole", fstab: "" };
  if ("busybox" in root) return { kind: "busybox", part: root.busybox, fstab: root.fstab.map((line) => `${line}\n`).join(""), ...(root.sysroot === undefined ? {} : { sysroot: root.sysroot }) };
  return "kind" in root ? root : { kind: "directory", path: root.directory };
}
