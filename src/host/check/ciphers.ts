/** The algorithms of the kernel's crypto API that a cipher of dm-crypt is made of: `aes-xts-plain64` gives aes and xts, `capi:xts(aes)-plain64` the same. */
export function parseCipherWords(cipher: string): string[] {
  if (cipher.startsWith("capi:")) return [...new Set(cipher.slice(5).replace(/\)-.*$/, ")").split(/[(),]/).filter((word) => word !== ""))];
  if (/^cipher_null/.test(cipher)) return [];
  const [name = "", mode = "", iv = ""] = cipher.split("-");
  const essiv = /^essiv:(.+)$/.exec(iv);
  return [name.split(":")[0] ?? "", mode, ...(essiv === null ? [] : ["essiv", essiv[1] ?? ""])].filter((word) => word !== "");
}
