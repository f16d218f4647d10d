import { loadYoga, type Yoga } from "yoga-layout/load";

export * from "yoga-layout/load";

/**
 * Ink's layout engine. In the image this module stands for `yoga-layout` (tools/bundle-build.js): that one starts its
 * WebAssembly while it is loaded, and no WebAssembly fits into a heap that is kept for later. Empty until startLayout.
 */
const layout = {} as Yoga;
export default layout;

let started: Promise<void> | undefined;

/** Starts the engine, once; nothing can be drawn before. */
export function startLayout(): Promise<void> {
  return (started ??= loadYoga().then((engine) => void Object.assign(layout, engine)));
}
