import { decodePart } from "./percent.ts";
import { quote } from "../quote.ts";

/** A flag of a program, and the option that it becomes. */
interface Flag {
  names: string[];
  option: string;
  hasValue: boolean;
}

const flag = (option: string, ...names: string[]): Flag => ({ names, option, hasValue: false });
const valued = (option: string, ...names: string[]): Flag => ({ names, option, hasValue: true });

/** By kind: cryptsetup-open(8) of cryptsetup 2.6, and tcplay(8) of tcplay 1.1, "--map". */
const FLAGS: Record<string, Flag[]> = {
  crypt: [
    flag("discard", "--allow-discards"),
    flag("readonly", "--readonly", "-r"),
    valued("keyfile", "--key-file", "-d"),
    valued("keyfile-offset", "--keyfile-offset"),
    valued("keyfile-size", "--keyfile-size", "-l"),
    valued("keyslot", "--key-slot", "-S"),
    valued("tries", "--tries", "-T"),
    valued("timeout", "--timeout", "-t"),
    valued("header", "--header"),
    valued("type", "--type", "-M"),
    valued("cipher", "--cipher", "-c"),
    valued("size", "--key-size", "-s"),
    valued("hash", "--hash", "-h"),
    valued("offset", "--offset", "-o"),
    valued("skip", "--skip", "-p"),
    valued("sector-size", "--sector-size"),
    valued("token-id", "--token-id"),
    flag("no-read-workqueue", "--perf-no_read_workqueue"),
    flag("no-write-workqueue", "--perf-no_write_workqueue"),
    flag("same-cpu-crypt", "--perf-same_cpu_crypt"),
    flag("submit-from-crypt-cpus", "--perf-submit_from_crypt_cpus"),
  ],
  tcplay: [
    flag("protect-hidden", "--protect-hidden", "-e"),
    valued("system", "--system-encryption", "-s"),
    valued("keyfile", "--keyfile", "-k"),
    valued("keyfile-hidden", "--keyfile-hidden", "-f"),
    flag("system", "--fde"),
    flag("backup", "--use-backup"),
  ],
};

/**
 * Reads an options field in the lineage's form, the flags of the program behind the kind split at white space, as the options
 * that they stand for, among those that the kind knows. On bad input the reason.
 */
export function parseLineageOptions(kind: string, field: string, known: readonly string[]): { options: [string, string | true][] } | { reason: string } {
  const flags = (Object.hasOwn(FLAGS, kind) ? (FLAGS[kind] ?? []) : []).filter(({ option }) => known.includes(option));
  const options: [string, string | true][] = [];
  const words = field.split(/\s+/).filter((word) => word !== "");
  for (let i = 0; i < words.length; i++) {
    const { name, attached } = splitWord(words[i] ?? "");
    const found = flags.find(({ names }) => names.includes(name));
    if (found === undefined) return { reason: `${quote(words[i] ?? "")} is no flag of kind ${quote(kind)}; known: ${list(flags)}` };
    if (!found.hasValue) {
      if (attached !== undefined) return { reason: `${name} takes no value` };
      options.push([found.option, true]);
      continue;
    }
    const value = attached ?? words[++i];
    if (value === undefined) return { reason: `nothing behind ${name}` };
    const decoded = decodePart(value);
    if ("reason" in decoded) return decoded;
    options.push([found.option, decoded.text]);
  }
  return { options };
}

/** `--name=value` and `-nvalue` carry their value with them. */
function splitWord(word: string): { name: string; attached?: string } {
  const long = /^(--[^=]+)=(.*)$/s.exec(word) ?? /^(-[^-])(.+)$/s.exec(word);
  return long === null ? { name: word } : { name: long[1] ?? "", attached: long[2] ?? "" };
}

function list(flags: Flag[]): string {
  return flags.length === 0 ? "none" : flags.map(({ names, hasValue }) => `${names.join(" or ")}${hasValue ? " VALUE" : ""}`).join(", ");
}
