import { expect, test, vi } from "vitest";
import { pbkdf2Whirlpool, whirlpool } from "../../../src/core/crypt/whirlpool.ts";

/** The vectors of ISO/IEC 10118-3 for "" and "abc"; the others from openssl dgst -provider legacy -whirlpool: around the ends of a block and of the padding. */
test.each([
  { message: "", digest: "19fa61d75522a4669b44e39c1d2e1726c530232130d407f89afee0964997f7a73e83be698b288febcf88e3e03c4f0757ea8964e59b63d93708b138cc42a66eb3" },
  { message: "abc", digest: "4e2448a4c6f486bb16b6562c73b4020bf3043e3a731bce721ae1b303d97e6d4c7181eebdb6c57e277d0e34957114cbd6c797fc9d95d8b582d225292076d4eef5" },
  { message: "a".repeat(31), digest: "698d25826e50bfd1f4e67a1ddbe0d40fac00c4b8f49bd17f706e2f4c5c813249a8a2b771acec2a7425c20406acbc672a2bc83a62150af78f0d804d382658af05" },
  { message: "a".repeat(32), digest: "661fe85e302a100bc85048438a734d219e0c006c8464f10eb2281194db21d3b236fabb497818f63511a63be7e1c5ea4009a0f937040f4bc080a68a2fff589dab" },
  { message: "a".repeat(64), digest: "3ab1400670b9c37bc24274578aac331eb7150167c598c6c247bcdd8ae54be548470fcdc3718f276cebc324d2c9b35b6b4748d9a26985d9b79563f7e2890da38a" },
  { message: "a".repeat(100), digest: "8cbbae13ec2d2dc76df4338be4cc4d138517033daf8b00bbdbcfe46714d4863b275461d1b94baaf3ed44d9829d70af5300209d80166964266db1e371330de73e" },
])("the Whirlpool of $message.length bytes", ({ digest, message }) => {
  expect(whirlpool(Buffer.from(message)).toString("hex")).toBe(digest);
});

/** openssl kdf -keylen 96 -kdfopt digest:whirlpool -kdfopt pass:horse -kdfopt salt:saltsaltsaltsalt -kdfopt iter:1000 PBKDF2 */
test("PBKDF2 with it gives keys of any length", () => {
  expect(pbkdf2Whirlpool(Buffer.from("horse"), Buffer.from("saltsaltsaltsalt"), 1000, 96).toString("hex")).toBe("f92cb4c5818ca2734b64a9ab04c5eef3107398971e2f97390f12183eec649d3dd12b09f5220966a3ffdbdbdaa09c3fb1ec8c19dccc12540e5429fba05d9ee6c65b084bcb9e8c0a5cf3c0707bec146d12a26b89f5eff2164776b6624f51724f04");
});

/** Buffers of a block: what the passphrase was made shorter to, its pads, and what each round gave. */
test("what it makes on the way is wiped", () => {
  const alloc = vi.spyOn(Buffer, "alloc");
  const from = vi.spyOn(Buffer, "from");
  try {
    const key = pbkdf2Whirlpool(Buffer.alloc(100, "horse"), Buffer.alloc(64, "salt"), 3, 96);
    const made = [...alloc.mock.results, ...from.mock.results].map(({ value }) => value as Buffer).filter((bytes) => bytes !== key && bytes.length >= 64);
    const left = made.filter((bytes) => bytes.some((byte) => byte !== 0)).map((bytes) => bytes.toString("latin1", 0, 5));
    expect([made.length > 20, left.sort()]).toEqual([true, ["horse", "salts"]]);
  } finally {
    alloc.mockRestore();
    from.mockRestore();
  }
});
