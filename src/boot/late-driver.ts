import { readFileSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";

const WITHIN_MS = 10_000;
const LOOK_EVERY_MS = 20;

/**
 * Whether the kernel has a filesystem's driver, once no module is being loaded any more. The modules of the image are loaded in the background: when the
 * kernel asks for one of them meanwhile, busybox's modprobe finds it in /proc/modules (state `Loading`) and is content; the mount fails with ENODEV.
 */
export async function driverArrives(fstype: string, { proc = "/proc", withinMs = WITHIN_MS } = {}): Promise<boolean> {
  const hasDriver = () => readFileSync(`${proc}/filesystems`, "latin1").split("\n").some((line) => line.split("\t")[1] === fstype);
  // proc(5), /proc/modules: name, bytes, uses, users, state.
  const isLoading = () => /^\S+ \d+ \d+ \S+ Loading /m.test(readFileSync(`${proc}/modules`, "latin1"));
  for (const end = performance.now() + withinMs; !hasDriver() && isLoading() && performance.now() < end;) await pause(LOOK_EVERY_MS);
  return hasDriver();
}
