import { expect, test } from "vitest";
import { parseHeader } from "../../../src/core/rc/header.ts";
import { reasonChain } from "../../../src/host/plan/chain.ts";
import type { ScriptFile } from "../../../src/host/plan/facts.ts";

const crypt: ScriptFile = {
  name: "crypt", source: "rc.d/crypt.ts", origin: "rc.d", from: { bytes: Buffer.alloc(0) },
  header: parseHeader("// KEYWORD: crypt\n// FIELDS: device\n// MODULES: dm_crypt xts crypto-essiv?\n// PROGRAMS: cryptsetup\n// LIBRARIES: libgcc_s.so.1 ossl-modules/legacy.so\n", "crypt.ts"),
};
const FRONT = ["realroots: crypt", "rc.d/crypt.ts"];

test.each([
  { path: "m/xts.ko", reason: "for rc.d/crypt.ts", chain: [...FRONT, "MODULES"] },
  { path: "m/dm-mod.ko", reason: "dependency of dm_crypt, for rc.d/crypt.ts", chain: [...FRONT, "MODULES dm_crypt", "dependency"] },
  { path: "m/ecb.ko", reason: "dependency of x, softdep of xts, for rc.d/crypt.ts", chain: [...FRONT, "MODULES xts", "softdep x", "dependency"] },
  { path: "m/essiv.ko", reason: "crypto-essiv, for rc.d/crypt.ts", chain: [...FRONT, "MODULES crypto-essiv"] },
  { path: "fw/a.bin", reason: "firmware of ahci, modules: generic", chain: ["modules: generic", "ahci", "firmware"] },
  { path: "m/ahci.ko", reason: "modules: generic", chain: ["modules: generic"] },
  { path: "m/libahci.ko", reason: "dependency of ahci, modules: generic", chain: ["modules: generic", "ahci", "dependency"] },
  { path: "m/ext4.ko", reason: "fs-ext4, filesystem of the default realroot", chain: ["filesystem of the default realroot", "fs-ext4"] },
  { path: "usr/sbin/cryptsetup", reason: "for rc.d/crypt.ts", chain: [...FRONT, "PROGRAMS"] },
  { path: "usr/lib/libuuid.so.1", reason: "libuuid.so.1, for cryptsetup, for rc.d/crypt.ts", chain: [...FRONT, "PROGRAMS cryptsetup", "library"] },
  { path: "usr/lib/libuuid.so.1.3", reason: "libuuid.so.1, for libx.so.2.1, for cryptsetup, for rc.d/crypt.ts", chain: [...FRONT, "PROGRAMS cryptsetup", "library libx.so.2.1", "library libuuid.so.1"] },
  { path: "usr/lib64/ld-linux.so.2", reason: "dynamic linker, for cryptsetup, for rc.d/crypt.ts", chain: [...FRONT, "PROGRAMS cryptsetup", "dynamic linker"] },
  { path: "usr/lib/ossl-modules/legacy.so", reason: "ossl-modules/legacy.so, for rc.d/crypt.ts", chain: [...FRONT, "LIBRARIES ossl-modules/legacy.so"] },
  { path: "usr/lib/libgcc_s.so.1", reason: "libgcc_s.so.1, for rc.d/crypt.ts", chain: [...FRONT, "LIBRARIES"] },
  { path: "usr/lib/libc.so.6", reason: "libc.so.6, for the runtime", chain: ["the runtime", "library"] },
  { path: "bin/sh", reason: "applet of busybox, the shell of pid 1", chain: ["the shell of pid 1", "busybox", "applet"] },
  { path: "usr/bin/perl", reason: "interpreter of script, programs: of the configuration", chain: ["programs: of the configuration", "script", "interpreter"] },
  { path: "rc.d/crypt.js", reason: "rc.d/crypt.ts, serves crypt", chain: ["realroots: crypt"] },
  { path: "m/e1000.ko", reason: "modules: auto, a device of this machine", chain: ["modules: auto", "a device of this machine"] },
  { path: "m/mii.ko", reason: "dependency of e1000, modules: auto, a device of this machine", chain: ["modules: auto", "a device of this machine", "e1000", "dependency"] },
  { path: "m/nvme.ko", reason: "nvme*, modules: of the configuration", chain: ["modules: of the configuration", "nvme*"] },
  { path: "kernel/x86/microcode/AuthenticAMD.bin", reason: "microcode: auto, of /lib/firmware/amd-ucode", chain: ["microcode: auto", "of /lib/firmware/amd-ucode"] },
  { path: "etc/modprobe.d/host.conf", reason: "modprobe.d, of /etc/modprobe.d/a.conf, /etc/modprobe.d/b.conf", chain: ["modprobe.d", "of /etc/modprobe.d/a.conf, /etc/modprobe.d/b.conf"] },
  { path: "etc/x", reason: "files: of the configuration", chain: ["files: of the configuration"] },
])("$path: $reason", ({ path, reason, chain }) => {
  expect(reasonChain({ path }, reason, [crypt], () => ["realroots: crypt"])).toEqual(chain);
});
