import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { command, SetupError } from "./command.js";
import { debianMirror } from "./mirror.js";

/** Debian stable. */
export const STABLE = "trixie";

/**
 * An apt that knows Debian stable whatever this machine's suite is: with lists of its own in `folder`, from the machine's own
 * mirror. It downloads and installs nothing. Gives what runs one of apt's programs with it.
 * @param {string} folder
 * @param {string} [architecture] in Debian's words, where it is not this machine's
 */
export async function stableApt(folder, architecture) {
  const mirror = debianMirror();
  if (mirror === undefined) throw new SetupError(`looking for Debian ${STABLE}: this machine's /etc/apt names no Debian mirror`);
  for (const name of ["lists/partial", "cache/archives/partial", "etc/preferences.d", "etc/sources.list.d"]) mkdirSync(join(folder, name), { recursive: true });
  writeFileSync(join(folder, "etc/sources.list"), `deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] ${mirror} ${STABLE} main\n`);
  const options = { "Dir::State": folder, "Dir::State::lists": join(folder, "lists"), "Dir::State::status": "/dev/null", "Dir::Cache": join(folder, "cache"), "Dir::Etc": join(folder, "etc"), "APT::Sandbox::User": "", ...(architecture === undefined ? {} : { "APT::Architecture": architecture, "APT::Architectures": architecture }) };
  const words = Object.entries(options).flatMap(([key, value]) => ["-o", `${key}=${value}`]);
  /** @type {(program: string, args: string[], options?: { cwd?: string }) => Promise<string>} */
  const apt = (program, args, options) => command(program, [...words, ...args], options);
  await apt("apt-get", ["update", "-qq"]);
  return apt;
}
