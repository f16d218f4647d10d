import { MkinitrdError } from "../../core/errors.ts";
import { ownArchitecture, type Architecture } from "../architecture.ts";
import type { ImageConfig } from "./facts.ts";

/** Throws for what would take facts of this machine into an image for another architecture, or what that does not have. */
export function checkMachineFacts(architecture: Architecture, { modules, microcode = "auto" }: Pick<ImageConfig, "modules" | "microcode">): void {
  const own = ownArchitecture().name;
  if (modules.set === "auto" && architecture.name !== own) {
    throw refuse("modules", `auto means what this machine has, which is ${own}; the sysroot is for ${architecture.name}`, "modules: generic, or a list");
  }
  if (architecture.name !== "x86_64" && microcode !== "auto" && microcode !== "none") {
    throw refuse("microcode", `the sysroot is for ${architecture.name}, whose kernel loads no microcode of ${microcode === "both" ? "amd and intel" : microcode}`, "microcode: none");
  }
}

function refuse(on: string, found: string, next: string): MkinitrdError {
  return new MkinitrdError({ tried: "planning the image", on, found, next });
}
