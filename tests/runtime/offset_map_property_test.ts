import fc from "fast-check";
import { crc32c } from "../../src/codec/crc32c.ts";
import type { OffsetRun } from "../../src/runtime/frontier.ts";
import {
  decodeOffsetMap,
  emptyOffsetMap,
  encodeOffsetMap,
  type Origin,
  originOf,
} from "../../src/runtime/offset_map.ts";
import { assert, assertEquals } from "../assert.ts";

/** Unsigned varints of any size, written and read as plainly as can be. */
function unsigned(value: bigint): number[] {
  return value < 128n ? [Number(value)] : [Number(value % 128n) + 128, ...unsigned(value / 128n)];
}

function base64(bytes: ReadonlyArray<number> | Uint8Array): string {
  return btoa(String.fromCharCode(...bytes));
}

/** Bytes with the checksum that belongs to them and to the offset. */
function sealed(offset: number, bytes: ReadonlyArray<number>): string {
  const all = new Uint8Array(8 + bytes.length + 4);
  const view = new DataView(all.buffer);
  view.setBigInt64(0, BigInt(offset));
  all.set(bytes, 8);
  view.setUint32(8 + bytes.length, crc32c(all, 0, 8 + bytes.length));
  return base64(all.subarray(8));
}

const offset = fc.oneof(fc.nat(300), fc.nat(2 ** 31 - 1), fc.integer({ min: 0, max: 2 ** 45 }));
const count = fc.oneof(fc.nat(3), fc.constantFrom(127, 128, 16_383, 16_384), fc.nat());
const counts = fc.record({ attempts: count, failures: count, deaths: count });
const length = fc.oneof(
  fc.integer({ min: 1, max: 5 }),
  fc.constantFrom(127, 128, 129),
  fc.integer({ min: 1, max: 2 ** 35 }),
);
const lengths = fc.array(fc.tuple(length, length), { maxLength: 30 });
const topicId = fc.oneof(fc.uint8Array({ minLength: 16, maxLength: 16 }), fc.constant(new Uint8Array(16)))
  .map((bytes) => bytes.toHex());
const origin = fc.option(
  fc.tuple(topicId, fc.nat(2 ** 31 - 1)).map(([id, partitions]) => originOf(id, partitions)),
  { nil: undefined },
);

const quarantined = fc.array(
  fc.tuple(fc.uint8Array({ minLength: 8, maxLength: 8 }), offset, fc.integer({ min: 1, max: 2 ** 35 })).map(
    ([key, served, more]) => ({ key: key.toHex(), served: served - 1, last: served - 1 + more }),
  ),
  { maxLength: 5 },
);

function runsFrom(offset: number, lengths: ReadonlyArray<readonly [number, number]>): OffsetRun[] {
  let at = offset;
  return lengths.map(([open, done]) => {
    const from = at + open;
    return { from, to: at = from + done };
  });
}

Deno.test("property: encodeOffsetMap writes the bytes its description says, and decodeOffsetMap reads all of them", () =>
  fc.assert(
    fc.property(offset, counts, lengths, origin, quarantined, (offset, n, lengths, origin, keys) => {
      const runs = runsFrom(offset, lengths);
      const metadata = encodeOffsetMap(offset, n, runs, origin, keys);
      const said = origin !== undefined || runs.length + keys.length > 0 || n.attempts + n.failures + n.deaths > 0;
      const expected = {
        ...n,
        resolved: runs,
        ...origin === undefined ? {} : { origin },
        ...keys.length === 0 ? {} : { quarantined: keys },
      };
      assertEquals(decodeOffsetMap(offset, metadata), expected);
      if (!said) return assertEquals(metadata, "");
      const place = origin === undefined
        ? []
        : [...unsigned(BigInt(origin.partitions)), ...Uint8Array.fromHex(origin.topic)];
      const version = keys.length > 0 ? [3, place.length > 0 ? 1 : 0] : [place.length > 0 ? 2 : 1];
      const list = keys.length === 0 ? [] : [
        ...unsigned(BigInt(keys.length)),
        ...keys.flatMap(({ key, served, last }) => [
          ...Uint8Array.fromHex(key),
          ...[served + 1, last - served].flatMap((value) => unsigned(BigInt(value))),
        ]),
      ];
      const head = [...version, ...place, ...list];
      const body = [n.attempts, n.failures, n.deaths, ...lengths.flat()].flatMap((value) => unsigned(BigInt(value)));
      assertEquals(metadata, sealed(offset, [...head, ...body]));
    }),
    { numRuns: 500 },
  ));

Deno.test("property: encodeOffsetMap keeps as many runs as fit, from the near end, and always the origin", () =>
  fc.assert(
    fc.property(
      offset,
      counts,
      origin,
      fc.array(length, { minLength: 1, maxLength: 6 }),
      fc.integer({ min: 700, max: 2_500 }),
      (offset, n, origin, pattern, size) => {
        const lengths = Array.from({ length: size }, (_, i) => [pattern[i % pattern.length], 1] as const);
        const runs = runsFrom(offset, lengths);
        const metadata = encodeOffsetMap(offset, n, runs, origin);
        const { resolved, ...rest } = decodeOffsetMap(offset, metadata);
        assertEquals(rest, { ...n, ...origin === undefined ? {} : { origin } } as typeof rest);
        assertEquals(resolved, runs.slice(0, resolved.length));
        assert(metadata.length <= 4_096);
        if (resolved.length === runs.length) return;
        const next = lengths[resolved.length].flatMap((value) => unsigned(BigInt(value)));
        assert(atob(metadata).length + next.length > 3_072, "one more would have fitted");
      },
    ),
    { numRuns: 100 },
  ));

Deno.test("property: decodeOffsetMap takes a map with any byte changed, any bit of the offset, or any end cut off for nothing", () =>
  fc.assert(
    fc.property(
      offset,
      counts.filter(({ attempts }) => attempts > 0),
      lengths,
      origin,
      fc.nat(),
      fc.integer({ min: 1, max: 255 }),
      fc.integer({ min: 1, max: 2 ** 31 - 1 }),
      (offset, n, lengths, origin, at, change, further) => {
        const metadata = encodeOffsetMap(offset, n, runsFrom(offset, lengths), origin);
        const bytes = Uint8Array.from(atob(metadata), (character) => character.charCodeAt(0));
        const wrong = bytes.slice();
        wrong[at % bytes.length] ^= change;
        assertEquals(decodeOffsetMap(offset, base64(wrong)), emptyOffsetMap);
        assertEquals(decodeOffsetMap(offset + further, metadata), emptyOffsetMap);
        assertEquals(decodeOffsetMap(offset, base64(bytes.subarray(0, at % bytes.length))), emptyOffsetMap);
      },
    ),
    { numRuns: 500 },
  ));

Deno.test("property: decodeOffsetMap never names an offset twice, the committed one or one below, whatever is sealed", () => {
  const value = fc.oneof(
    fc.nat(3).map(BigInt),
    fc.nat(300).map(BigInt),
    fc.constantFrom(2n ** 52n, 2n ** 53n - 2n),
    fc.bigInt({ min: 0n, max: 2n ** 57n }),
  );
  const body = fc.oneof(
    fc.uint8Array({ maxLength: 30 }).map((bytes) => [...bytes]),
    fc.array(value, { maxLength: 12 }).map((values) => values.flatMap(unsigned)),
  );
  const id = [1, 2, 3, 4, 5, 6, 7, 8];
  const head = fc.constantFrom(
    [1],
    [1],
    [2],
    [2, 3, ...id],
    [3, 0, 1, ...id],
    [3, 1, 3, ...id, 1, ...id],
    [3],
    [4],
    [],
  );
  fc.assert(
    fc.property(offset, head, body, (offset, head, body) => {
      const map = decodeOffsetMap(offset, sealed(offset, [...head, ...body]));
      let last = offset;
      for (const { from, to } of map.resolved) {
        assert(from > last && to > from && Number.isSafeInteger(to), `${from} to ${to} after ${last}`);
        last = to;
      }
      if (map === emptyOffsetMap) return;
      // What was understood is what a writer of it would have written, but for zeros at the end of a number.
      const again = encodeOffsetMap(offset, map, map.resolved, map.origin, map.quarantined);
      assertEquals(decodeOffsetMap(offset, again), map);
    }),
    { numRuns: 1_000 },
  );
});

Deno.test("property: originOf names a topic by the beginning of its id, and nothing where that tells nothing", () =>
  fc.assert(
    fc.property(topicId, fc.nat(99), fc.string({ maxLength: 20 }), (id, partitions, text) => {
      const found: Origin | undefined = originOf(id, partitions);
      const begins = id.slice(0, 16);
      assertEquals(found, begins === "0".repeat(16) ? undefined : { topic: begins, partitions });
      const other = originOf(text, partitions)?.topic;
      assert(other === undefined || (other.length === 16 && text.startsWith(other)));
    }),
    { numRuns: 200 },
  ));
