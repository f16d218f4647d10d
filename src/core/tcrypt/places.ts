import type { HeaderPlace } from "../formats/truecrypt.ts";
import { KDFS, type Kdf, type TcryptType, pimIterations } from "../formats/truecrypt-kdf.ts";
import type { TcryptOptions } from "./options.ts";

/** One header, and one way to derive the key that it is encrypted with. */
export interface Trial {
  place: HeaderPlace;
  kdf: Kdf;
  iterations: number;
  /** Whether one cipher is looked for, or a cascade, whose longer key takes three times as long to derive. */
  layers: "one" | "several" | "any";
}

export type Wish = Pick<TcryptOptions, "type" | "hash" | "hidden" | "backup" | "system"> & { pim?: number | undefined };

/**
 * What a passphrase is tried with: TrueCrypt before VeraCrypt, whose derivations take a hundred times as long; of each the headers and
 * then the copies at the volume's end, the outer volume before the hidden one; of VeraCrypt all with one cipher before any with a cascade.
 */
export function planTrials(wish: Wish): Trial[] {
  const types: TcryptType[] = wish.type === undefined ? ["truecrypt", "veracrypt"] : [wish.type];
  return types.flatMap((type) => (type === "truecrypt" ? (["any"] as const) : (["one", "several"] as const)).flatMap((layers) => placesOf(wish, type).flatMap((place) => KDFS
    .filter((kdf) => kdf.type === type && (wish.hash === undefined ? !isDear(kdf) : wish.hash === kdf.hash))
    .map((kdf) => ({ place, kdf, iterations: iterationsOf(kdf, wish), layers })))));
}

/** OpenSSL has no Whirlpool, and with ours half a million iterations take a quarter of a minute: it is named, or not looked for. */
const isDear = ({ hash, type }: Kdf): boolean => hash === "whirlpool" && type === "veracrypt";

function placesOf({ backup, hidden, system }: Wish, type: TcryptType): HeaderPlace[] {
  if (system !== false) return ["system"];
  const wanted = (outer: HeaderPlace[], inner: HeaderPlace[]) => [...(hidden === "yes" ? [] : outer), ...(hidden === "no" ? [] : inner)];
  const copies = wanted(["backup"], ["hiddenBackup"]);
  return backup ? copies : [...wanted(["primary"], type === "truecrypt" ? ["hidden", "hiddenOld"] : ["hidden"]), ...copies];
}

function iterationsOf(kdf: Kdf, { pim, system }: Wish): number {
  if (pim !== undefined && pim > 0 && kdf.type === "veracrypt") return pimIterations(pim, kdf, system !== false);
  return (system === false ? undefined : kdf.systemIterations) ?? kdf.iterations;
}
