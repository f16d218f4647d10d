/** A disk or a partition by the kernel's name for it. */
export interface DiskNode {
  /** `vda`, `nvme0n1` */
  disk: string;
  bus: "virtio" | "nvme" | "scsi";
  /** Which of its bus's disks, from 0. */
  index: number;
  partition?: number;
}

const LETTERS = 26;

/** `/dev/vda2`, `/dev/sdb`, `/dev/nvme0n1p3`; undefined for other names. Kernel documentation, admin-guide/devices.txt */
export function parseNode(path: string): DiskNode | undefined {
  const [, kind, letter, part] = /^\/dev\/(vd|sd)([a-h])([1-9]\d{0,1})?$/.exec(path) ?? [];
  if (kind !== undefined && letter !== undefined) {
    const index = parseInt(letter, 10 + LETTERS) - 10;
    return { disk: `${kind}${letter}`, bus: kind === "vd" ? "virtio" : "scsi", index, ...(part === undefined ? {} : { partition: Number(part) }) };
  }
  const [, controller, nvmePart] = /^\/dev\/nvme([0-7])n1(?:p([1-9]\d{0,1}))?$/.exec(path) ?? [];
  if (controller === undefined) return undefined;
  return { disk: `nvme${controller}n1`, bus: "nvme", index: Number(controller), ...(nvmePart === undefined ? {} : { partition: Number(nvmePart) }) };
}
