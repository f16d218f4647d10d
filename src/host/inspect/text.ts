import { styleText } from "node:util";
import { printableLine } from "../../core/quote.ts";
import { formatStage } from "../../core/realroot/stage.ts";
import type { KindTable } from "../../core/realroot/types.ts";
import { formatSize } from "../../core/volumes/describe.ts";
import { UNNAMED_DISK } from "../../core/volumes/roots.ts";
import type { InspectNode } from "./node.ts";
import type { Structure, StructureValue } from "./structures.ts";

/** How a line is written: colours and lines between the volumes are for a terminal, blanks for a program that reads on. */
export interface TextStyle {
  colours: boolean;
  lines: boolean;
}

interface Row {
  depth: string;
  node: InspectNode;
}

/** The trees as lines in columns: name, size, what it holds, label, UUID; what is damaged under its node; the realroots at the end. */
export function inspectText(trees: readonly InspectNode[], kinds: KindTable, { colours, lines: drawn }: TextStyle): string {
  const style = (format: Parameters<typeof styleText>[0], text: string) => (colours ? styleText(format, text, { validateStream: false }) : text);
  const plain = (text: string) => (drawn ? text : text.replace(/[├└│─]/g, " "));
  const rows = trees.flatMap((tree) => rowsOf(tree)).map(({ depth, node }) => ({ depth: plain(depth), node }));
  const names = rows.map(({ depth, node }) => `${depth}${printableLine(node.name)}`);
  const nameWidth = Math.max(0, ...names.map((name) => name.length));
  const sizeWidth = Math.max(0, ...rows.map(({ node }) => formatSize(node.sizeBytes).length));
  const lines = rows.flatMap(({ depth, node }, index) => {
    const { label, uuid } = node;
    const words = [
      names[index]!.padEnd(nameWidth), formatSize(node.sizeBytes).padStart(sizeWidth), style("cyan", contentWords(node)),
      label === undefined ? "" : style("bold", `"${printableLine(label)}"`), uuid === undefined ? "" : style("dim", printableLine(uuid)),
      node.verity === undefined ? "" : `${node.verity.data === undefined ? "hash tree of data that is not here" : node.verity.data === node.name ? "with its hash tree behind it" : `hash tree of ${printableLine(node.verity.data)}`}, root hash ${node.verity.rootHash}`,
      node.alsoOn === undefined ? "" : `also on ${node.alsoOn.map(printableLine).join(", ")}`,
    ];
    const indent = `${depth.replaceAll("├─", "│ ").replaceAll("└─", "  ")}${plain(node.children.length > 0 ? "│ " : "  ")}`;
    const notes = node.damage.map((text) => `${indent}${style("red", `! ${printableLine(text.split("\n")[0] ?? "")}`)}`);
    const structures = (node.structures ?? []).flatMap((structure) => structureLines(structure, style)).map((line) => `${indent}${line}`);
    return [words.filter((word) => word !== "").join("  "), ...notes, ...structures];
  });
  return [...lines, ...realrootLines(trees, kinds)].join("\n");
}

/** What `--json` prints: the trees, with the realroots as text. */
export function inspectJson(trees: readonly InspectNode[], kinds: KindTable): object[] {
  return trees.map(({ realroot, children, ...node }) => ({
    ...node,
    ...(realroot === undefined ? {} : { realroot: realroot.map((stage) => formatStage(stage, kinds)) }),
    children: inspectJson(children, kinds),
  }));
}

function rowsOf(node: InspectNode, mark = "", indent = ""): Row[] {
  return [{ depth: mark, node }, ...node.children.flatMap((child, index) => {
    const isLast = index === node.children.length - 1;
    return rowsOf(child, `${indent}${isLast ? "└─" : "├─"}`, `${indent}${isLast ? "  " : "│ "}`);
  })];
}

/** `gpt`, `crypto_LUKS 2`, `ext4`, `volume group`, `raid1 of 2`, `thin  ext4`, `snapshot of root  ext4`. */
function contentWords({ array, layer, partition, segmentTypes = [], snapshotOf, table, type, version }: InspectNode): string {
  const segments = snapshotOf === undefined ? segmentTypes.filter((segment) => segment !== "linear") : [...segmentTypes.filter((segment) => segment === "thin"), `snapshot of ${printableLine(snapshotOf)}`];
  const own = layer === "vg" ? "volume group" : array === undefined ? segments.map(printableLine).join(" ") : `${array.level} of ${array.devices}`;
  const held = type === undefined ? "" : type.startsWith("crypto_") && version !== undefined ? `${type} ${version}` : type;
  const part = type === undefined && partition?.partLabel !== undefined ? `partition "${printableLine(partition.partLabel)}"` : "";
  const used = table === undefined ? "" : `${table.type}${table.logicalBlockBytes === 512 ? "" : `, blocks of ${table.logicalBlockBytes}`}`;
  return [used, own, held, part].filter((word) => word !== "").join("  ");
}

/** The name and place of a structure, and a line for each field: byte, length, name, value. */
function structureLines({ fields, name, offsetBytes, sizeBytes }: Structure, style: (format: "bold" | "dim", text: string) => string): string[] {
  const width = Math.max(...fields.map((field) => field.name.length));
  const title = offsetBytes === undefined ? name : `${name}, ${sizeBytes} bytes at byte ${offsetBytes}`;
  return ["", style("bold", printableLine(title)), ...fields.map((field) => {
    const place = field.offsetBytes === undefined ? "" : `${String(field.offsetBytes).padStart(10)} ${String(field.lengthBytes).padStart(4)}`;
    return `${style("dim", place)}  ${printableLine(field.name).padEnd(width)}  ${valueText(field.value)}`;
  })].map((line) => line.trimEnd());
}

const HEX_FROM = 1000;
const MOST_SHOWN = 96;

/** `4096 (0x1000)`, `"EFI PART"`; long ones cut. */
function valueText(value: StructureValue): string {
  if (typeof value === "string") return printableLine(value.length > MOST_SHOWN ? `${value.slice(0, MOST_SHOWN)}…` : value);
  return value < HEX_FROM ? String(value) : `${value} (0x${value.toString(16)})`;
}

function realrootLines(trees: readonly InspectNode[], kinds: KindTable): string[] {
  const all = trees.flatMap((tree) => rowsOf(tree)).flatMap(({ node }) => (node.realroot === undefined ? [] : [{ node, stages: node.realroot }]));
  if (all.length === 0) return [];
  return ["", "A root may be on:", ...all.flatMap(({ node, stages }) => [
    `  ${printableLine(node.name)}  ${node.type ?? "?"}${node.label === undefined ? "" : ` "${printableLine(node.label)}"`}`,
    `    ${stages.map((stage) => `realroot=${formatStage(stage, kinds)}`).join(" ")}`,
    ...(stages.some(({ device }) => device === UNNAMED_DISK) ? [`    ${UNNAMED_DISK} stands for the disk's name on the machine that boots: /dev/disk/by-id/…`] : []),
  ])];
}
