import { readFileSync } from "node:fs";
import type { Sysroot } from "../plan/sysroot.ts";
import type { XkbLayout } from "./wanted.ts";

const LIST = "/usr/share/X11/xkb/rules/base.lst";

/** XKB's layouts by the names that a configuration gives them: `de`, and with a variant `de-nodeadkeys`. None where XKB is not there. */
export function xkbLayouts(sysroot: Sysroot): Map<string, XkbLayout> {
  const found = sysroot.find(LIST);
  return found?.stats.isFile() === true ? parseLayouts(readFileSync(found.file, "utf8")) : new Map();
}

/** The sections `! layout`, with lines `  de  German`, and `! variant`, with lines `  nodeadkeys  de: German (no dead keys)`. */
export function parseLayouts(text: string): Map<string, XkbLayout> {
  const layouts = new Map<string, XkbLayout>();
  const add = (layout: string, variant: string) => layouts.set(variant === "" ? layout : `${layout}-${variant}`, { layout, variant, model: "", options: "" });
  let section = "";
  for (const line of text.split("\n")) {
    const [, title] = /^! (\w+)/.exec(line) ?? [];
    const [, first = "", second = ""] = /^ {2}(\S+)\s+(\S*)/.exec(line) ?? [];
    if (title !== undefined) section = title;
    else if (section === "layout" && first !== "" && first !== "custom") add(first, "");
    else if (section === "variant" && second.endsWith(":")) add(second.slice(0, -1), first);
  }
  return layouts;
}
