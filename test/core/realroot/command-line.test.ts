import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { MkinitrdError } from "../../../src/core/errors.ts";
import { parseCommandLine } from "../../../src/core/realroot/command-line.ts";
import { explainRealroot } from "../../../src/core/realroot/explain.ts";
import { formatRealroot, parseRealroot } from "../../../src/core/realroot/stage.ts";
import { joinWord, splitCommandLine } from "../../../src/core/realroot/words.ts";
import { kinds } from "./kinds.ts";

const DEFAULT = "crypt:none:UUID=1:pv0 lvm:ext4:vg00/lv0";
const parse = (text: string, options: Partial<Parameters<typeof parseCommandLine>[1]> = {}) =>
  parseCommandLine(text, { kinds, defaultRealroot: "", sealed: false, ...options });
const specs = (text: string, options: Partial<Parameters<typeof parseCommandLine>[1]> = {}) => formatRealroot(parse(text, options).stages, kinds);

describe("words", () => {
  test.each([
    { text: "quiet root=/dev/vda1\n", words: ["quiet", "root", "/dev/vda1"] },
    { text: ' "a b=c d"  e="f g" h"i j"=k "" "l', words: ["a b", "c d", "e", "f g", "hi j", "k", "l"] },
    { text: "a=b=c =d=e", words: ["a", "b=c", "=d", "e"] },
    { text: "a\t\v\f\r\nb c\u00a0d", words: ["a", "b", "c\u00a0d"] },
    { text: "a=\0rest", words: ["a", ""] },
  ])("$text is split as the kernel does", ({ text, words }) => {
    expect(splitCommandLine(text).flatMap(({ key, value }) => (value === undefined ? [key] : [key, value]))).toEqual(words);
  });

  test("a word joins to what was written, without quotes", () => {
    expect(splitCommandLine('a="b c" d e= =f').map(joinWord)).toEqual(["a=b c", "d", "e=", "=f"]);
  });
});

describe("which spec is used", () => {
  test.each([
    { text: "console=ttyS0 realroot=local:ext4:vda1", spec: "local:ext4:/dev/vda1" },
    { text: "vfs.root.realroot=local:ext4:vda1", spec: "local:ext4:/dev/vda1" },
    { text: "realroot=crypt:none:vda2:pv0 quiet realroot=lvm:ext4:vg00/lv0", spec: "crypt:none:/dev/vda2:pv0 lvm:ext4:vg00/lv0" },
    { text: 'realroot="local:ext4:LABEL=my root" "realroot=local::vda1"', spec: "local:ext4:LABEL=my%20root local:auto:/dev/vda1" },
    { text: "realroot=local:ext4:vda1 realroot= realroot=local:xfs:vda2", spec: "local:xfs:/dev/vda2" },
    { text: "", spec: DEFAULT, defaultRealroot: DEFAULT },
    { text: "realroot=local:ext4:vda1", spec: "local:ext4:/dev/vda1", defaultRealroot: DEFAULT },
    { text: "realroot=", spec: "", defaultRealroot: DEFAULT },
    { text: "realroot= root=/dev/vda1", spec: "local:auto:/dev/vda1", defaultRealroot: DEFAULT },
    { text: "root=UUID=9f rootfstype=ext4 rootflags=noatime", spec: "local:ext4:UUID=9f" },
    { text: "root=/dev/mapper/a:b@c%1 rootfstype=ext3,ext4", spec: "local:auto:/dev/mapper/a%3Ab%40c%251" },
    { text: "root=block:/dev/vda1", spec: "local:auto:/dev/vda1" },
    { text: "realroot=local:ext4:vda1 -- realroot=local:ext4:vda2", spec: "local:ext4:/dev/vda1" },
  ])("$text gives $spec", ({ text, spec, ...options }) => {
    const request = parse(text, options);
    expect(formatRealroot(request.stages, kinds)).toBe(spec);
    expect(request.warnings).toEqual([]);
  });

  test("root= and rd.luks.uuid= are set aside, with a warning, when realroot= is there, unless both name the same root", () => {
    expect(parse("rd.luks.uuid=7a4d6f1e-1a55-4f0e-9a6c-2b1f6d3c8e04 realroot=local:ext4:vda2").warnings).toEqual(
      ['rd.luks.uuid="7a4d6f1e-1a55-4f0e-9a6c-2b1f6d3c8e04": the realroot of the command line is used']);
    expect(parse("root=/dev/vda1 realroot=local:ext4:vda2").warnings).toEqual(['root="/dev/vda1": the realroot of the command line is used']);
    expect(parse("root=/dev/vda1 realroot=local:ext4:vda1").warnings).toEqual([]);
  });

  test("a word that was meant to be realroot= is a warning, other programs' words are none", () => {
    expect(parse("realrot=local:ext4:vda1").warnings).toEqual(['realrot="local:ext4:vda1": no word that is known here; did you mean realroot?']);
    expect(parse("realroots=local:ext4:vda1").warnings).toHaveLength(1);
    expect(parse("realroot.cat=/a:b earlyprintk=a:b realtek=a:b reboot=a:b realrot=1").warnings).toEqual([]);
  });

  test("the last stage is the root, though its filesystem was none", () => {
    const request = parse("realroot=crypt:none:vda2:x");
    expect(request.stages[0]?.fstype).toBe("auto");
    expect(request.warnings).toHaveLength(1);
  });

  test("a spec that can't be read ends the boot's parsing with an error that shows it", () => {
    expect(() => parse("realroot=crypt:ext4:vda2:x:tries=many")).toThrow(/on "crypt:\/dev\/vda2": the option tries: "many", which is no whole number\n {2}next: write tries=NUMBER, from 0 to 9999/);
    expect(() => parse("realroot=crypt:ext4:vda2:x:frob")).toThrow(/^reading the realroot spec on "crypt:ext4:vda2:x:frob": the option "frob"/);
    expect(() => parse("", { defaultRealroot: "nfs:a" })).toThrow(/^reading the realroot spec on "nfs:a": the kind "nfs"/);
  });
});

test("the other words are read, and words that mean nothing here are passed over", () => {
  expect(parse("BOOT_IMAGE=/vmlinuz rw rootflags=a,b=c init=/sbin/openrc-init quiet 3 mkinitrd.break=mount mkinitrd.shell=0 mkinitrd.timeout=90 mkinitrd.log=debug single nokaslr -- x=y --z 'q")).toEqual({
    stages: [], readonly: false, rootflags: ["a", "b=c"], init: "/sbin/openrc-init", initArguments: ["3", "single", "x=y", "--z", "'q"],
    quiet: true, breakAt: "mount", shell: false, timeoutMs: 90_000, debug: true, warnings: [],
  });
  expect(parse("rw ro").readonly).toBe(true);
});

test.each([
  { text: "mkinitrd.shel=1", warning: /^mkinitrd.shel: known: mkinitrd.break, .*; did you mean mkinitrd.shell\?$/ },
  { text: "mkinitrd.shell", warning: /^mkinitrd.shell: known: 0, 1$/ },
  { text: "mkinitrd.timeout=-1", warning: /^mkinitrd.timeout="-1": it is no number of seconds/ },
  { text: "mkinitrd.timeout=99999", warning: /it is no number of seconds/ },
  { text: "mkinitrd.log=loud", warning: /^mkinitrd.log="loud": known: debug$/ },
  { text: "mkinitrd.break=../x", warning: /it is no step's name/ },
  { text: "init=sh", warning: /^init="sh": it is no absolute path$/ },
  { text: "init=/s\x1b[2J", warning: /^init="\/s\\x1b\[2J": it is no absolute path$/ },
  { text: "root=", warning: /^root="": no device behind it$/ },
  { text: "root=tank", warning: /^root="tank": it is no device that can be looked for; known: a path in \/dev, UUID=.*MAJOR:MINOR$/ },
  { text: "root=UUID=", warning: /^root="UUID=": nothing behind UUID=$/ },
  { text: "root=/dev/vda1 rootfstype=/x", warning: /^rootfstype="\/x": it is no filesystem's name$/ },
  { text: "rootflags=\x1b", warning: /^rootflags="\\x1b": it holds a control character$/ },
])("$text is a warning", ({ text, warning }) => {
  const { warnings } = parse(text);
  expect(warnings).toHaveLength(1);
  expect(warnings[0]).toMatch(warning);
});

test("root= without the kind local is a warning", () => {
  expect(parse("root=/dev/vda1", { kinds: {} }).warnings).toEqual(['root="/dev/vda1": this image does not serve the kind local']);
});

test("a sealed image obeys its own spec and nothing of the command line but quiet, and says what it ignored", () => {
  const request = parse("quiet realroot=local:ext4:vda9 realroot= root=/dev/sdb rw rootflags=suid init=/bin/sh single mkinitrd.shell=1 mkinitrd.x console=tty0 -- -x", { defaultRealroot: DEFAULT, sealed: true });
  expect(request).toEqual({
    stages: parseRealroot(DEFAULT, kinds), readonly: true, rootflags: [], initArguments: [], quiet: true, debug: false,
    warnings: ["this image is sealed, ignored: realroot, root, rw, rootflags, init, single, mkinitrd.shell, mkinitrd.x, --"],
  });
  expect(parse("realroot=%", { defaultRealroot: DEFAULT, sealed: true }).stages).toEqual(parseRealroot(DEFAULT, kinds));
});

describe("rubbish", () => {
  const bytes = fc.uint8Array({ minLength: 4096, maxLength: 4096 }).map((array) => Buffer.from(array).toString("utf8"));
  const words = fc.array(fc.oneof(
    fc.tuple(fc.constantFrom("realroot=", "root=", "mkinitrd.", "mkinitrd.shell=", "init=", "rootflags=", "rootfstype=", "vfs.root.realroot=", "rd.luks.uuid=", "rd.luks.name=", "rd.luks.options=", "luks.key=", "rd.lvm.lv=", "rd.md.uuid=", "cryptdevice=", "cryptkey=", "cryptopts=", "rd.break=", "rootdelay=", "--", '"', "ro"), fc.string({ maxLength: 30, unit: "binary" })).map((parts) => parts.join("")),
    fc.constantFrom("realroot=local:ext4:vda1", "root=/dev/vda1", "__proto__=1", "constructor", "mkinitrd.constructor=1"),
  ), { maxLength: 300 }).map((list) => list.join(" ").slice(0, 4096));

  test("of 4 KB gives a request with few warnings or an error of ours, and reaches no console unescaped", () => {
    fc.assert(fc.property(fc.oneof(bytes, words), fc.boolean(), (text, sealed) => {
      let said: string[];
      try {
        const request = parse(text, { sealed, defaultRealroot: DEFAULT });
        expect(request.warnings.length).toBeLessThanOrEqual(21);
        said = explainRealroot(request);
      } catch (error) {
        expect(error).toBeInstanceOf(MkinitrdError);
        said = String(error).split("\n");
      }
      for (const line of said) expect(line).not.toMatch(/[\u0000-\u001f\u007f-\u009f]/);
    }), { numRuns: 200 });
  });

  test.each(["%", '"', ":", "=", " ", "@", "-- ", "realroot=", "realroot=a ", "mkinitrd.x ", "realroot=crypt:ext4:a:b:- ", "root=\u202e "])("repeated %j ends in time", (unit) => {
    const text = unit.repeat(4096 / unit.length);
    const started = performance.now();
    try {
      parse(text);
      parse(`realroot=local:ext4:${text}`);
    } catch (error) {
      expect(error).toBeInstanceOf(MkinitrdError);
      expect(String(error).length).toBeLessThan(1000);
    }
    expect(performance.now() - started).toBeLessThan(500);
  });
});

test("the specs of a request are the words that give the same request", () => {
  const text = 'realroot="crypt:none:LABEL=a b:c_d:keyfile=/x%2Cy" realroot=local:btrfs:UUID=1@@home:mount.compress=zstd%3A1';
  const again = specs(text).split(" ").map((spec) => `realroot=${spec}`).join(" ");
  expect(parse(again).stages).toEqual(parse(text).stages);
});
