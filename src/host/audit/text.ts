import type { Secret } from "./types.ts";

/** Larger texts are programs. */
const MOST_CHARACTERS = 1024 * 1024;

/** Where configuration lies. */
const CONFIGURATION = /(?:^|\/)(?:etc|root|home|boot)\/|\.(?:conf|cfg|ini|env|json|toml|ya?ml|nmconnection|netrc)$|(?:^|\/)\.netrc$/;
const NAMES = "pass(?:word|wd|phrase)?|psk|secret|token|private[_-]?key|preshared[_-]?key|api[_-]?key|auth[_-]?key|credentials?";
/** `password = hunter2`, `"psk": "…"`, `PrivateKey=…`; the value up to the line's end. */
const SETTING = new RegExp(`^[ \\t]*["']?(?:[\\w.-]*[_.-])?(${NAMES})["']?[ \\t]*[:=][ \\t]*(.+?)[ \\t]*,?[ \\t]*$`, "gim");
const NETRC = /^\s*machine\s+\S+(?:\s+login\s+\S+)?\s+password\s+\S/m;
const URL_PASSWORD = /\b[a-z][a-z0-9+.-]*:\/\/[^\s/:@"']+:[^\s/@"']+@/i;
/** What stands there when no secret does: nothing, a word, a path, a variable. */
const NO_SECRET = /^["']?(?:|none|null|true|false|yes|no|ask|prompt|\d{1,3}|x|\*+|[/$].*|%[{(].*)["']?$/i;

/** Passwords and the like in a configuration file. */
export function credentialsIn(path: string, text: string): Pick<Secret, "kind" | "reason"> | undefined {
  if (text.length > MOST_CHARACTERS || !CONFIGURATION.test(path)) return undefined;
  for (const match of text.matchAll(SETTING)) {
    const [, name = "", value = ""] = match;
    if (NO_SECRET.test(value) || HASH.test(value)) continue;
    return { kind: "credentials", reason: `line ${lineOf(text, match.index)} sets ${name}` };
  }
  const netrc = NETRC.exec(text);
  if (netrc !== null) return { kind: "credentials", reason: `line ${lineOf(text, netrc.index)} is netrc's, with a password` };
  const url = URL_PASSWORD.exec(text);
  return url === null ? undefined : { kind: "credentials", reason: `line ${lineOf(text, url.index)} has a URL with a password in it` };
}

/** crypt(5) and argon2's encoded form: $6$salt$hash, $y$…, $argon2id$v=19$…; not a `$1$` in a shell script. */
const HASH = /\$(1|2[abxy]|5|6|7|y|gy|sha1|md5|argon2(?:id|i|d))\$[^\s:"'$]{1,}\$[^\s:"']{20,}|\$2[abxy]\$\d\d\$[./A-Za-z0-9]{53}/;

/** A password's hash anywhere in a text: shadow, gshadow, boot.json. */
export function hashesIn(text: string): Pick<Secret, "kind" | "reason"> | undefined {
  if (text.length > MOST_CHARACTERS) return undefined;
  const found = HASH.exec(text);
  if (found === null) return undefined;
  const algorithm = /^\$([^$]+)\$/.exec(found[0])?.[1];
  return { kind: "password hash", reason: `line ${lineOf(text, found.index)} holds one ($${algorithm}$)` };
}

function lineOf(text: string, index: number): number {
  return text.slice(0, index).split("\n").length;
}
