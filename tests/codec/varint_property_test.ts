import fc from "fast-check";
import { Malformed, readVarint, readVarlong, varintEnd } from "../../src/codec/varint.ts";
import { assert, assertEquals } from "../assert.ts";
import { varint } from "./batch_bytes.ts";

type Read = (bytes: Uint8Array, at: number, end: number) => number;

/** What stands there, in whole numbers, and where it ends; null where a varint of `bits` bits does not stand. */
function slow(bytes: Uint8Array, at: number, end: number, bits: number): { value: bigint; end: number } | null {
  const digits: Array<bigint> = [];
  do {
    if (at >= end) return null;
    digits.push(BigInt(bytes[at] % 128));
  } while (bytes[at++] >= 128 && digits.length <= 10);
  const value = digits.reduceRight((value, digit) => value * 128n + digit, 0n);
  if (digits.length > Math.ceil(bits / 7) || value >= 2n ** BigInt(bits)) return null;
  return { value: value % 2n === 0n ? value / 2n : -(value + 1n) / 2n, end: at };
}

/** The number and its end, or null when it is refused; anything else thrown fails. */
function attempt(read: Read, bytes: Uint8Array, at: number, end: number): { value: number; end: number } | null {
  try {
    const value = read(bytes, at, end);
    return { value, end: varintEnd() };
  } catch (error) {
    assert(error instanceof Malformed, String(error));
    return null;
  }
}

/** Many that are long, that end at the last byte they may, and that have a byte too many. */
const digits = fc.tuple(fc.array(fc.constantFrom(0x80, 0x81, 0xff, 0xc0), { maxLength: 11 }), fc.nat(255))
  .map(([more, last]) => Uint8Array.from([...more, last]));
const place = fc.record({
  before: fc.uint8Array({ maxLength: 3 }),
  bytes: fc.oneof(digits, fc.uint8Array({ maxLength: 12 })),
  /** How many bytes at the end lie beyond the limit. */
  beyond: fc.nat(3),
});

for (const [name, read, bits] of [["readVarint", readVarint, 32], ["readVarlong", readVarlong, 64]] as const) {
  Deno.test(`property: ${name} reads or refuses any bytes as whole numbers would have it, never beyond the limit`, () =>
    fc.assert(
      fc.property(place, ({ before, bytes, beyond }) => {
        const all = Uint8Array.from([...before, ...bytes]);
        const at = before.length;
        const end = Math.max(at, all.length - beyond);
        const expected = slow(all, at, end, bits);
        const found = attempt(read, all, at, end);
        assertEquals(found?.end, expected?.end);
        if (found === null || expected === null) return;
        const { value } = expected;
        if (value >= -(2n ** 53n) && value <= 2n ** 53n) assertEquals(BigInt(found.value), value);
        else assert(Math.abs(Number(value) / found.value - 1) < 1e-15, `${found.value} for ${value}`);
      }),
      { numRuns: 5_000 },
    ));
}

Deno.test("property: readVarint and readVarlong give back every number a plain writer wrote", () =>
  fc.assert(
    fc.property(
      fc.oneof(fc.integer(), fc.integer({ min: -9, max: 9 }), fc.nat(30).map((bit) => 2 ** bit - 1)),
      fc.maxSafeInteger(),
      (short, long) => {
        const bytes = Uint8Array.from([...varint(short), ...varint(long)]);
        assertEquals(readVarint(bytes, 0, bytes.length), short);
        assertEquals(readVarlong(bytes, varintEnd(), bytes.length), long);
        assertEquals(varintEnd(), bytes.length);
        assertEquals(readVarlong(bytes, 0, bytes.length), short, "what fits both is read alike by both");
      },
    ),
    { numRuns: 2_000 },
  ));
