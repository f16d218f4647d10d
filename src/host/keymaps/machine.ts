import { readFileSync } from "node:fs";
import { basename } from "node:path";
import type { Sysroot } from "../plan/sysroot.ts";
import { keymapName } from "./files.ts";
import type { WantedKeymap } from "./wanted.ts";

/** keyboard(5), and vconsole.conf(5), which systemd's localed writes. */
const FILES = ["/etc/default/keyboard", "/etc/vconsole.conf"];

/**
 * The keymaps of a machine's own console, the usual one first, by the first of its files that names one: `KMAP` or `KEYMAP`, a file or a
 * keymap's name, else `XKBLAYOUT` with its variants. None where no file does.
 */
export function machineKeymaps(sysroot: Sysroot): WantedKeymap[] {
  for (const path of FILES) {
    const found = sysroot.find(path);
    if (found?.stats.isFile() !== true) continue;
    const values = parseAssignments(readFileSync(found.file, "utf8"));
    const wanted = console_(values, sysroot, path) ?? xkb(values, path);
    if (wanted.length > 0) return wanted;
  }
  return [];
}

function console_(values: Map<string, string>, sysroot: Sysroot, path: string): WantedKeymap[] | undefined {
  for (const key of ["KMAP", "KEYMAP"]) {
    const value = values.get(key) ?? "";
    if (value === "") continue;
    const reason = `keymaps: auto, ${key} of ${path}`;
    if (!value.startsWith("/")) return [{ name: value, reason }];
    return [{ name: keymapName(basename(value)), file: sysroot.find(value)?.file ?? value, reason }];
  }
  return undefined;
}

/** `us,de` with the variants `,nodeadkeys`: two layouts, which people change by a key. */
function xkb(values: Map<string, string>, path: string): WantedKeymap[] {
  const list = (key: string) => (values.get(key) ?? "").split(",").map((each) => each.trim());
  const variants = list("XKBVARIANT");
  // What changes between layouts is not for one alone.
  const options = list("XKBOPTIONS").filter((option) => !/^grp/.test(option)).join(",");
  return list("XKBLAYOUT").flatMap((layout, i): WantedKeymap[] => {
    const variant = variants[i] ?? "";
    if (layout === "") return [];
    return [{ name: variant === "" ? layout : `${layout}-${variant}`, xkb: { layout, variant, model: values.get("XKBMODEL") ?? "", options }, reason: `keymaps: auto, XKBLAYOUT of ${path}` }];
  });
}

/** `KEY=VALUE` lines as a shell reads them, with or without quotes. */
function parseAssignments(text: string): Map<string, string> {
  const lines = text.matchAll(/^[ \t]*([A-Z_]+)=(?:"([^"\n]*)"|'([^'\n]*)'|([^\s"'#]*))/gm);
  return new Map([...lines].map(([, key = "", double, single, bare]) => [key, double ?? single ?? bare ?? ""]));
}
