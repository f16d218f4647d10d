import type { HostFacts } from "./facts.ts";
import type { ModuleFile, ModuleIndex } from "./module-index.ts";
import type { WantedModule } from "./modules.ts";

/** Hardware that a root or a keyboard may hang on, by directory below kernel/. `!` leaves out what stands behind it. */
const HARDWARE = [
  "drivers/ata/",
  "drivers/block/", "!drivers/block/(drbd|aoe|zram|null_blk|rnbd|xen-blkback|rbd|pktcdvd|floppy|ublk|nbd)",
  "drivers/cdrom/",
  "drivers/hid/", "!drivers/hid/(hid-sensor|intel-ish-hid|amd-sfh-hid|surface-hid|hid-(sony|nintendo|playstation|steam|wiimote|picolcd|lg-g15|rmi|uclogic|prodikeys|thrustmaster|.*ff)|wacom)",
  "drivers/hv/",
  "drivers/i2c/busses/i2c-(designware|i801)",
  "drivers/input/keyboard/", "!drivers/input/keyboard/(twl|stmpe|tca|qt|lm8|mcs|max7|mpr|adp|dlink|lkkbd|newtonkbd|sunkbd|xtkbd|goldfish|ipaq)",
  "drivers/input/serio/",
  "drivers/md/", "!drivers/md/(bcache|persistent-data|dm-(delay|dust|flakey|era|log-userspace|log-writes|switch|unstripe|clone|zoned|zero|ebs|queue|round|service|historical|io-affinity|multipath)|faulty|md-cluster|bcache)",
  "drivers/memstick/",
  "drivers/message/fusion/",
  "drivers/mfd/intel-lpss",
  "drivers/mmc/",
  "drivers/nvdimm/",
  "drivers/nvme/host/", "!drivers/nvme/host/nvme-(rdma|fc|tcp|fabrics)",
  "drivers/pci/controller/",
  "drivers/scsi/", "!drivers/scsi/(scsi_debug|osst|st|ch|ses|sg|fcoe|libfc|bnx2|cxgbi|qedi|qedf|be2iscsi|qla4xxx|bfa|csiostor|fnic|pcmcia|iscsi_tcp|libiscsi|.*iscsi|scsi_transport_(iscsi|srp|fc)|ibmvscsi)",
  "drivers/spi/spi-(pxa2xx|intel)",
  "drivers/ufs/",
  "drivers/usb/(common|core|host|storage|dwc3|uas)/",
  "drivers/virtio/",
  "drivers/char/hw_random/virtio-rng",
];

/** What roots are made of beside hardware: filesystems and ciphers. */
const SOFTWARE = [
  "fs/(ext2|ext4|jbd2|xfs|btrfs|f2fs|fat|bcachefs|jfs|ufs|isofs|squashfs|erofs)/",
  "fs/(mbcache|binfmt_script)",
  "fs/nls/nls_(cp437|ascii|iso8859-1|utf8)",
  "crypto/", "!crypto/(tcrypt|crypto_user|ansi_cprng)",
  "arch/[^/]+/crypto/",
  "lib/crypto/",
];

const GENERIC = compile([...HARDWARE, ...SOFTWARE]);
const ONLY_HARDWARE = compile(HARDWARE);

/** All drivers for disks and keyboards, and the filesystems and ciphers of roots, of the kernels that have them. */
export function genericModules(index: ModuleIndex): WantedModule[] {
  return [...index.modules.values()].filter(GENERIC).map(({ name }) => ({ name, optional: false, reason: "modules: generic" }));
}

/** Of the generic hardware what this machine has, by its modaliases (`pci:v00001AF4d…`), what its root lies on, and the filesystem of that. */
export function machineModules(index: ModuleIndex, machine: HostFacts["machine"]): WantedModule[] {
  const driven = machine.modaliases.flatMap((modalias) => index.lookUp(modalias)).flatMap((name) => index.modules.get(name) ?? []);
  const names = [...new Set(driven.filter(ONLY_HARDWARE).map(({ name }) => name))].sort();
  return [
    ...names.map((name) => ({ name, optional: false, reason: "modules: auto, a device of this machine" })),
    ...machine.drivers.filter((name) => !name.includes(":") || index.lookUp(name).length > 0).map((name) => ({ name, optional: true, reason: "modules: auto, the root of this machine lies on it" })),
    ...machine.filesystems.map((name) => ({ name: `fs-${name}`, optional: true, reason: "modules: auto, the root filesystem of this machine" })),
  ];
}

/** Whether a module's path matches: the last pattern that does decides. */
function compile(patterns: string[]): (module: ModuleFile) => boolean {
  const rules = patterns.map((pattern) => ({
    takes: !pattern.startsWith("!"),
    matches: new RegExp(`^kernel/(${pattern.replace(/^!/, "")})`),
  }));
  return ({ path }) => rules.findLast(({ matches }) => matches.test(path))?.takes ?? false;
}
