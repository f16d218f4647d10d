import { expect, test } from "vitest";
import { parseHeader } from "../../../src/core/rc/header.ts";

test("the header of STYLE.md's example is read whole", () => {
  const header = parseHeader(`// KEYWORD:   crypt
// FIELDS:    device name options
// OPTIONS:   discard readonly keyfile keyslot tries
// ENCRYPTED: yes
// MODULES:   dm_crypt xts crypto-essiv?
// PROGRAMS:  cryptsetup
// LIBRARIES: libgcc_s.so.1 ossl-modules/legacy.so?
import type { Context } from "../src/core/rc/types.ts";
`, "rc.d/crypt.ts");
  expect(header).toEqual({
    provide: [], require: [], before: [],
    keyword: ["crypt"],
    fields: ["device", "name", "options"],
    options: ["discard", "readonly", "keyfile", "keyslot", "tries"],
    encrypted: true,
    modules: [
      { name: "dm_crypt", optional: false },
      { name: "xts", optional: false },
      { name: "crypto-essiv", optional: true },
    ],
    programs: [{ name: "cryptsetup", optional: false }],
    libraries: [{ name: "libgcc_s.so.1", optional: false }, { name: "ossl-modules/legacy.so", optional: true }],
  });
});

test("a script without a header needs nothing", () => {
  const header = parseHeader("export default async function run() {}\n", "rc.d/idle.ts");
  expect(Object.values(header).flat()).toEqual([false]);
});

test("a word may come twice, prose and blank lines may stand between, and the header ends at the first line of code", () => {
  const header = parseHeader(`#!/usr/bin/env node
// Mounts the real root: the last stage's volume.

// REQUIRE: devices
// REQUIRE: unlock devices
const x = 1;
// MODULES: loop
`, "rc.d/mount.ts");
  expect(header.require).toEqual(["devices", "unlock"]);
  expect(header.modules).toEqual([]);
});

test("a shell script carries the same header behind #", () => {
  expect(parseHeader("#!/bin/sh\n# PROGRAMS: busybox\nset -u\n", "rc.d/init").programs).toEqual([{ name: "busybox", optional: false }]);
});

test("module aliases with wildcards are names", () => {
  expect(parseHeader("// MODULES: fs-ext4 virtio:d00000002v* crypto-xts(aes)?\n", "a.ts").modules.map(({ name }) => name))
    .toEqual(["fs-ext4", "virtio:d00000002v*", "crypto-xts(aes)"]);
});

test.each([
  { text: "\n// REQUIRES: devices", message: /^reading the header of rc.d\/x.ts on line 2: the word "REQUIRES"; known: PROVIDE, REQUIRE, .*\n  next: did you mean REQUIRE\?$/ },
  { text: "// PROGRAMS: /sbin/lvm", message: /on line 1: PROGRAMS has "\/sbin\/lvm", which is not a program's bare name/ },
  { text: "// PROGRAMS: ?", message: /PROGRAMS has "\?"/ },
  { text: "// LIBRARIES: /lib/a.so", message: /LIBRARIES has "\/lib\/a.so", which is not a path relative/ },
  { text: "// LIBRARIES: a/../../b.so", message: /LIBRARIES has/ },
  { text: "// REQUIRE: devices?", message: /REQUIRE has "devices\?", which is not a name/ },
  { text: "// REQUIRE: devices, unlock", message: /REQUIRE has "devices,"/ },
  { text: "// KEYWORD: local\n// FIELDS: device subvolume", message: /on line 2: FIELDS has "subvolume", which is not device, address, name or options/ },
  { text: "// KEYWORD: local", message: /on line 1: FIELDS is ""; device, or address, comes first/ },
  { text: "// KEYWORD: own\n// FIELDS: address device", message: /FIELDS is "address device"; a kind has a device or an address/ },
  { text: "// KEYWORD: local\n// FIELDS: device options name", message: /FIELDS is "device options name"; options comes last/ },
  { text: "// KEYWORD: local\n// FIELDS: device options\n// REQUIRE: unlock", message: /on line 3: REQUIRE beside KEYWORD/ },
  { text: "// KEYWORD: local\n// FIELDS: device options\n// OPTIONS: mount.ro", message: /on line 3: OPTIONS has "mount.ro"; every kind has mount/ },
  { text: "// OPTIONS: discard", message: /on line 1: OPTIONS without KEYWORD/ },
  { text: "// KEYWORD: crypt\n// FIELDS: device\n// ENCRYPTED: true", message: /ENCRYPTED has "true", which is not yes or no/ },
  { text: "// HASOWN: x", message: /the word "HASOWN"/ },
])("the header $text is refused", ({ text, message }) => {
  expect(() => parseHeader(text, "rc.d/x.ts")).toThrow(message);
});
