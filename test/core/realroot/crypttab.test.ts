import fc from "fast-check";
import { expect, test } from "vitest";
import { parseCrypttab } from "../../../src/core/realroot/crypttab.ts";
import { formatStage, parseStage } from "../../../src/core/realroot/stage.ts";
import { readKinds } from "../../../src/host/config/kinds.ts";

const kinds = { ...(await readKinds()), tcplay: { fields: ["device", "name", "options"], options: ["pim", "keyfile", "hidden", "type", "tries"] } };
const specs = (text: string) => parseCrypttab(text, kinds).entries.map(({ stage }) => formatStage(stage, kinds));

test.each([
  { what: "Debian's installer", line: "vda5_crypt UUID=6d0f1c5c none luks,discard", spec: "crypt:none:UUID=6d0f1c5c:vda5_crypt:discard" },
  { what: "two fields alone", line: "data /dev/vdb1", spec: "crypt:none:/dev/vdb1:data" },
  { what: "a key file of the image", line: "root\tPARTLABEL=root /etc/keys/root.key luks,keyfile-offset=8,keyfile-size=64,key-slot=1", spec: "crypt:none:PARTLABEL=root:root:keyfile=/etc/keys/root.key,keyfile-offset=8,keyfile-size=64,keyslot=1" },
  { what: "systemd's key file on a device", line: "root UUID=1 /root.key:LABEL=KEYS luks,keyfile-timeout=1min", spec: "crypt:none:UUID=1:root:keyfile=/root.key%40LABEL=KEYS,keyfile-timeout=60" },
  { what: "Debian's passdev", line: "root UUID=1 /dev/disk/by-label/KEYS:/k:7 luks,keyscript=passdev", spec: "crypt:none:UUID=1:root:keyfile=/k%40/dev/disk/by-label/KEYS,keyfile-timeout=7" },
  { what: "a detached header", line: "root PARTLABEL=a none luks,header=/dev/disk/by-partlabel/b,tries=0,read-only", spec: "crypt:none:PARTLABEL=a:root:header=/dev/disk/by-partlabel/b,tries=0,readonly" },
  { what: "plain dm-crypt", line: "old /dev/vdb none plain,cipher=aes-cbc-essiv:sha256,size=256,hash=ripemd160", spec: "crypt:none:/dev/vdb:old:type=plain,cipher=aes-cbc-essiv%3Asha256,size=256,hash=ripemd160" },
  { what: "a cipher that LUKS ignores", line: "a /dev/vdb none luks,cipher=aes-xts-plain64,size=512,hash=sha256", spec: "crypt:none:/dev/vdb:a" },
  { what: "the lineage's quotes and options", line: '  "sec" "/dev/serno/a.s1" "none" "none,tries=3,timeout=9"', spec: "crypt:none:/dev/serno/a.s1:sec:tries=3" },
  { what: "octal for blanks", line: "a LABEL=my\\040disk none luks", spec: "crypt:none:LABEL=my%20disk:a" },
  { what: "TrueCrypt", line: "tc /dev/vdb none tcrypt,tcrypt-veracrypt,veracrypt-pim=12,tcrypt-hidden,tries=2", spec: "tcplay:none:/dev/vdb:tc:type=veracrypt,pim=12,hidden=yes,tries=2" },
  { what: "a disk's ID", line: "a ID=virtio-x none luks", spec: "crypt:none:/dev/disk/by-id/virtio-x:a" },
])("$what: $line", ({ line, spec }) => {
  expect(parseCrypttab(line, kinds).warnings).toEqual([]);
  expect(specs(line)).toEqual([spec]);
});

test("comments, empty lines and what is made anew at each boot are no entries", () => {
  const text = "# <target name> <source device> <key file> <options>\n\n  # b\nswap /dev/vda3 /dev/urandom swap,cipher=aes-xts-plain64,size=256\ntmp /dev/vda4 none plain,tmp=ext4\nroot UUID=1 none luks\n";
  expect(specs(text)).toEqual(["crypt:none:UUID=1:root"]);
});

test("initramfs and x-initrd.attach are early, noauto is manual", () => {
  const { entries } = parseCrypttab("a /dev/vda none luks,initramfs\nb /dev/vdb none luks,x-initrd.attach\nc /dev/vdc none luks,noauto\n", kinds);
  expect(entries.map(({ early, manual }) => [early, manual])).toEqual([[true, false], [true, false], [false, true]]);
});

test("what no option gives a type may be a TrueCrypt volume, as the lineage has it", () => {
  const { entries } = parseCrypttab("a /dev/vda /k none,tries=3\nb /dev/vdb none luks\n", kinds);
  expect(entries.map(({ otherwise }) => otherwise && formatStage(otherwise, kinds))).toEqual(["tcplay:none:/dev/vda:a:keyfile=/k", undefined]);
});

test.each([
  { line: "a", warning: /line 1: "a" alone/ },
  { line: "a /dev/vda none luks,discrad", warning: /the option "discrad" is not known; did you mean discard\?/, entries: 1 },
  { line: "a /dev/vda keys luks,keyscript=/bin/ask", warning: /keyscript wants a key from a program, which this boot can't; the passphrase is asked for/, entries: 1 },
  { line: "a /dev/vda none luks,tpm2-device=auto", warning: /tpm2-device wants a key from a TPM/, entries: 1 },
  { line: "a /dev/vda root.key luks", warning: /the key file "root\.key" can't be read here/, entries: 1 },
  { line: "a /dev/vda none bitlk", warning: /bitlk volumes are not opened here/ },
  { line: "a /dev/vda none tcrypt,tcrypt-hiden", warning: /the option "tcrypt-hiden" is not known; did you mean tcrypt-hidden\?/, entries: 1 },
  { line: "a /dev/vda none tcrypt,tcrypt-system", warning: /does not say which disk/ },
  { line: "a/b /dev/vda none luks", warning: /can't be a device-mapper name/ },
  { line: "a /var/disk.img none luks", warning: /lies in the file/ },
  { line: "a UID=1 none luks", warning: /"UID=1" is no device/ },
  { line: "a /dev/vda none luks,keyslot=99", warning: /keyslot: "99", which is no whole number in range/ },
  { line: "a /dev/vda none plain", warning: /cipher: it is missing/ },
  { line: '"" /dev/vda none luks', warning: /its name is empty/ },
])("$line: a warning", ({ line, warning, entries = 0 }) => {
  const crypttab = parseCrypttab(line, kinds);
  expect(crypttab.warnings).toEqual([expect.stringMatching(warning)]);
  expect(crypttab.entries).toHaveLength(entries);
});

test("of two entries with one name the first counts", () => {
  const crypttab = parseCrypttab("a /dev/vda none luks\na /dev/vdb none luks", kinds);
  expect(crypttab.entries.map(({ stage }) => stage.device)).toEqual(["/dev/vda"]);
  expect(crypttab.warnings).toEqual([expect.stringMatching(/line 2: "a" is there twice/)]);
});

test("an image that has no script for TrueCrypt says so", () => {
  const { tcplay: _, ...without } = kinds;
  expect(parseCrypttab("tc /dev/vdb none tcrypt", without).warnings).toEqual([expect.stringMatching(/"tc" can't be opened here: .*the kind "tcplay"/)]);
});

test("any text is read in time, and each entry is a stage that the grammar of specs knows", () => {
  const word = fc.constantFrom("root", "UUID=1", "/dev/vda", "none", "luks", "plain", "discard", ",", " ", "\n", "\t", '"', "\\040", "\\", "#", "/k:UUID=2", "tries=0", "header=", "=", "@", "__proto__", "cipher=a", "size=8", "tcrypt");
  const text = fc.oneof(fc.string(), fc.array(word).map((words) => words.join("")), fc.array(fc.array(word).map((words) => words.join(" "))).map((lines) => lines.join("\n")));
  fc.assert(fc.property(text, (crypttab) => {
    for (const { stage } of parseCrypttab(crypttab, kinds).entries) {
      expect(parseStage(formatStage(stage, kinds), kinds)).toEqual(stage);
      expect(stage.fstype).toBe("none");
      expect(stage.name).not.toBe("");
    }
  }));
});
