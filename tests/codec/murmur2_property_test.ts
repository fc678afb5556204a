import fc from "fast-check";
import { murmur2, partitionForKey } from "../../src/codec/murmur2.ts";
import { assert, assertEquals } from "../assert.ts";

const BITS = 2n ** 32n;
const M = 0x5bd1e995n;

/** MurmurHash2 as it is published, step by step in whole numbers modulo 2^32; nothing is shared with the real one. */
function slow(key: Uint8Array): bigint {
  const data = [...key].map(BigInt);
  let h = 0x9747b28cn ^ BigInt(data.length);
  while (data.length >= 4) {
    const [a, b, c, d] = data.splice(0, 4);
    let k = a + b * 256n + c * 256n ** 2n + d * 256n ** 3n;
    k = (k * M) % BITS;
    k ^= k / 2n ** 24n;
    k = (k * M) % BITS;
    h = ((h * M) % BITS) ^ k;
  }
  if (data.length === 3) h ^= data[2] * 256n ** 2n;
  if (data.length >= 2) h ^= data[1] * 256n;
  if (data.length >= 1) h = ((h ^ data[0]) * M) % BITS;
  h ^= h / 2n ** 13n;
  h = (h * M) % BITS;
  return h ^ (h / 2n ** 15n);
}

const key = fc.oneof(
  fc.uint8Array({ maxLength: 70 }),
  fc.array(fc.constantFrom(0, 0x7f, 0x80, 0xff), { maxLength: 12 }).map((bytes) => Uint8Array.from(bytes)),
);

Deno.test("property: murmur2 gives what the published algorithm gives, whatever the bytes and their number", () =>
  fc.assert(
    fc.property(key, (key) => assertEquals(murmur2(key), Number(BigInt.asIntN(32, slow(key))))),
    { numRuns: 2_000 },
  ));

Deno.test("property: murmur2 hashes the bytes of a view, not those around it", () =>
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 20 }), key, fc.uint8Array({ maxLength: 20 }), (before, key, after) => {
      const all = new Uint8Array([...before, ...key, ...after]);
      assertEquals(murmur2(all.subarray(before.length, before.length + key.length)), murmur2(key));
    }),
    { numRuns: 500 },
  ));

Deno.test("property: partitionForKey gives the hash without its sign bit modulo the partitions", () =>
  fc.assert(
    fc.property(key, fc.integer({ min: 1, max: 100_000 }), (key, partitions) => {
      const partition = partitionForKey(key, partitions);
      assert(partition >= 0 && partition < partitions);
      assertEquals(partition, Number((slow(key) % 2n ** 31n) % BigInt(partitions)));
    }),
    { numRuns: 1_000 },
  ));
