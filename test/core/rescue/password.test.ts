import { expect, test } from "vitest";
import { checkPassword, hashPassword, parseHash } from "../../../src/core/rescue/password.ts";

// Printed by argon2(1), the reference implementation: `printf … | argon2 SALT -id -t … -k … -p … -l … -e`.
const REFERENCE = "$argon2id$v=19$m=65536,t=3,p=1$c2FsdHNhbHRzYWx0c2FsdA$MyVB5BkoYKpCk1wQxI1keTg5xXmngrfFuu/y18GX0fQ";
const TWO_LANES = "$argon2id$v=19$m=64,t=1,p=2$YWJjZGVmZ2g$1O+b90SwLfh5InJYwysEJqyzqGrvLsAV";

test("a hash is the one that the reference implementation prints", () => {
  expect(hashPassword(Buffer.from("correct horse"), Buffer.from("saltsaltsaltsalt"))).toBe(REFERENCE);
});

test.each([
  { password: "correct horse", hash: REFERENCE, right: true },
  { password: "correct horse ", hash: REFERENCE, right: false },
  { password: "", hash: REFERENCE, right: false },
  { password: "pässwörd", hash: TWO_LANES, right: true },
  { password: "passwort", hash: TWO_LANES, right: false },
])("$password is right: $right", async ({ password, hash, right }) => {
  await expect(checkPassword(Buffer.from(password), hash)).resolves.toBe(right);
});

test.each([
  "", "correct horse", REFERENCE.replace("argon2id", "argon2i"), REFERENCE.replace("v=19", "v=16"), REFERENCE.replace("t=3", "t=0"), REFERENCE.replace("p=1", "p=0"),
  REFERENCE.replace("m=65536", "m=7"), REFERENCE.replace("c2FsdHNhbHRzYWx0c2FsdA", "c2E"), `${REFERENCE}\n`, REFERENCE.slice(0, -43), REFERENCE.replace("m=65536", "m=99999999"),
])("what can't be read lets nobody in: %s", async (hash) => {
  expect(parseHash(hash)).toBeUndefined();
  await expect(checkPassword(Buffer.from("correct horse"), hash)).resolves.toBe(false);
});
