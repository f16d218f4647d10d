// Makes sure of what the other commands need, on Node 20 and with nothing installed: npm packages, Debian packages, the
// virtual machines' kernel, the bundle. What is there already is left alone.
import { fileURLToPath } from "node:url";
import { install } from "./apt.js";
import { fetchArm64 } from "./arm64.js";
import { bundle } from "./bundle.js";
import { SetupError } from "./command.js";
import { fetchKernel, fetchStableKernel } from "./kernel.js";
import { installNpmPackages } from "./npm.js";
import { fetchUkiTools } from "./uki.js";
import { DEBOOTSTRAP_NEEDS, KEYMAP_NEEDS, missing, TEST_NEEDS } from "./packages.js";

/** @typedef {"npm" | "debian" | "kernel" | "bundle" | "debootstrap" | "stable-kernel" | "keymaps" | "tests" | "uki" | "arm64"} Part */

/**
 * What demo and tests need.
 * @type {Part[]}
 */
export const ALL = ["npm", "debian", "kernel", "bundle"];

/** @type {Record<Part, () => Promise<unknown>>} */
const STEPS = {
  npm: installNpmPackages,
  debian: () => install(missing()),
  kernel: fetchKernel,
  bundle: () => bundle(),
  debootstrap: () => install(missing(DEBOOTSTRAP_NEEDS)),
  "stable-kernel": fetchStableKernel,
  keymaps: () => install(missing(KEYMAP_NEEDS)),
  tests: () => install(missing(TEST_NEEDS)),
  uki: fetchUkiTools,
  arm64: fetchArm64,
};

/**
 * Makes sure of these parts, in order. Throws SetupError with what a person has to do.
 * @param {Part[]} [parts]
 */
export async function setUp(parts = ALL) {
  for (const part of parts) await STEPS[part]();
}

/**
 * What to print for an error of set-up.
 * @param {unknown} error
 */
export function explainSetup(error) {
  return error instanceof SetupError || process.env.MKINITRD_DEBUG !== "1" ? String(error instanceof Error ? error.message : error) : error;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  try {
    await setUp(process.argv.includes("--packages") ? ["npm", "debian"] : ALL);
  } catch (error) {
    console.error(explainSetup(error));
    process.exitCode = 1;
  }
}
