/** A file as the audit sees it: of an image, or of a plan. `path` has no leading slash. */
export interface AuditedFile {
  path: string;
  /** Permission bits. */
  mode: number;
  sizeBytes: number;
  read(): Promise<Buffer>;
}

/**
 * `key file`, `private key` and `credentials` open something as they are; a `LUKS header` and a `sealed secret` (age, Clevis, TPM) need another key
 * on top, a `password hash` needs guessing.
 */
export type SecretKind = "key file" | "private key" | "credentials" | "LUKS header" | "sealed secret" | "password hash";

/** Something in an image that looks like a secret. */
export interface Secret {
  path: string;
  mode: number;
  kind: SecretKind;
  /** What it was recognised by: `/etc/crypttab, line 3, names it for cryptroot`. */
  reason: string;
}
