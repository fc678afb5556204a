import fc from "fast-check";
import {
  decodeAssignment,
  decodeSubscription,
  encodeAssignment,
  encodeSubscription,
  type PartitionsByTopic,
} from "../../src/client/group/subscription.ts";
import { assert, assertEquals } from "../assert.ts";

/** Big-endian, written as plainly as can be. */
function int(value: number, width: number): number[] {
  return Array.from(
    { length: width },
    (_, i) => Number(BigInt.asUintN(8, BigInt(value) >> BigInt(8 * (width - 1 - i)))),
  );
}

function string(text: string | null): number[] {
  if (text === null) return int(-1, 2);
  const bytes = [...new TextEncoder().encode(text)];
  return [...int(bytes.length, 2), ...bytes];
}

function list(items: ReadonlyArray<ReadonlyArray<number>>): number[] {
  return [...int(items.length, 4), ...items.flat()];
}

function bytesOf(content: ReadonlyArray<number> | Uint8Array | null): number[] {
  return content === null ? int(-1, 4) : [...int(content.length, 4), ...content];
}

/** As a list of pairs, as another client may write it: a topic twice, partitions in any order. */
type Pairs = ReadonlyArray<readonly [string, ReadonlyArray<number>]>;

function partitions(pairs: Pairs): number[] {
  return list(pairs.map(([topic, numbers]) => [...string(topic), ...list(numbers.map((number) => int(number, 4)))]));
}

function merged(pairs: Pairs): PartitionsByTopic {
  const byTopic = new Map<string, number[]>();
  for (const [topic, numbers] of pairs) byTopic.set(topic, [...byTopic.get(topic) ?? [], ...numbers]);
  return byTopic;
}

/** What topics may be named, and a few longer ones: the bytes' place must not matter. */
const topic = fc.oneof(
  fc.string({ unit: fc.constantFrom(..."aZ09._-"), minLength: 1, maxLength: 8 }),
  fc.string({ unit: fc.constantFrom("a", "é", "𝄞"), minLength: 1, maxLength: 6 }),
  fc.constant("t".repeat(249)),
);
const number = fc.oneof(fc.nat(20), fc.nat(2 ** 31 - 1));
const generation = fc.oneof(fc.integer({ min: -1, max: 3 }), fc.integer({ min: -1, max: 2 ** 31 - 1 }));
const pairs: fc.Arbitrary<Pairs> = fc.array(fc.tuple(topic, fc.array(number, { maxLength: 8 })), { maxLength: 6 });
const userData = fc.option(fc.uint8Array({ maxLength: 12 }));

/** In the order of code units, as Java compares. */
const byName = ([a]: Pairs[number], [b]: Pairs[number]) => a < b ? -1 : 1;

Deno.test("property: encodeSubscription and encodeAssignment write what a plain writer writes, however things are ordered", () =>
  fc.assert(
    fc.property(fc.array(topic, { maxLength: 6 }), pairs, generation, (topics, pairs, generation) => {
      const owned = merged(pairs);
      const written = partitions(
        [...owned].filter(([, numbers]) => numbers.length > 0).toSorted(byName)
          .map(([topic, numbers]) => [topic, numbers.toSorted((a, b) => a - b)]),
      );
      assertEquals([...encodeSubscription({ topics, owned, generation })], [
        ...int(3, 2),
        ...list(topics.toSorted().map(string)),
        ...bytesOf(int(generation, 4)),
        ...written,
        ...int(generation, 4),
        ...string(null),
      ]);
      assertEquals([...encodeAssignment(owned)], [...int(0, 2), ...written, ...bytesOf(null)]);
      const turned = new Map([...owned].toReversed().map(([topic, numbers]) => [topic, numbers.toReversed()]));
      assertEquals(encodeAssignment(turned), encodeAssignment(owned));
      const other = { topics: topics.toReversed(), owned: turned, generation };
      assertEquals(encodeSubscription(other), encodeSubscription({ topics, owned, generation }));
    }),
    { numRuns: 300 },
  ));

Deno.test("property: decodeSubscription reads each version's fields of any client, and passes over what comes later", () =>
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 9 }),
      fc.array(topic, { maxLength: 5 }),
      userData,
      pairs,
      generation,
      fc.option(topic),
      fc.uint8Array({ maxLength: 6 }),
      fc.constantFrom(-1, -2, -7, -(2 ** 31)),
      (version, topics, userData, pairs, generation, rack, later, none) => {
        const data = userData === null ? int(none, 4) : bytesOf(userData);
        const bytes = [...int(version, 2), ...list(topics.map(string)), ...data];
        if (version >= 1) bytes.push(...partitions(pairs));
        if (version >= 2) bytes.push(...int(generation, 4));
        if (version >= 3) bytes.push(...string(rack), ...later);
        const java = version === 1 && userData?.length === 4 ? new DataView(userData.buffer).getInt32(0) : -1;
        assertEquals(decodeSubscription(Uint8Array.from([7, ...bytes, 7]).subarray(1, -1)), {
          topics,
          owned: version === 0 ? new Map() : merged(pairs),
          generation: version >= 2 ? generation : java,
        });
      },
    ),
    { numRuns: 400 },
  ));

Deno.test("property: decodeAssignment reads any version of any client, a topic named twice as one", () =>
  fc.assert(
    fc.property(fc.nat(9), pairs, userData, (version, pairs, userData) => {
      const bytes = Uint8Array.from([...int(version, 2), ...partitions(pairs), ...bytesOf(userData)]);
      assertEquals(decodeAssignment(bytes), merged(pairs));
    }),
    { numRuns: 300 },
  ));

/** The result, or null where it is refused; anything but a RangeError fails. */
function unlessRefused<T>(read: () => T): T | null {
  try {
    return read();
  } catch (error) {
    assert(error instanceof RangeError, String(error));
    return null;
  }
}

Deno.test("property: decodeSubscription and decodeAssignment give no more than the bytes hold, or throw a RangeError", () => {
  const small = fc.array(fc.constantFrom(0, 0, 0, 0, 1, 2, 4, 0x61, 0x7f, 0xff), { maxLength: 40 })
    .map((bytes) => Uint8Array.from([0, 1, ...bytes]));
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array({ maxLength: 40 }), small), (bytes) => {
      const assignment = unlessRefused(() => decodeAssignment(bytes));
      const subscription = unlessRefused(() => decodeSubscription(bytes));
      const size = (byTopic: PartitionsByTopic | undefined) =>
        [...byTopic?.values() ?? []].reduce((sum, numbers) => sum + 4 * numbers.length, 0);
      assert(size(assignment ?? undefined) <= bytes.length);
      assert(size(subscription?.owned) + 2 * (subscription?.topics.length ?? 0) <= bytes.length);
    }),
    { numRuns: 1_000 },
  );
});

Deno.test("property: decodeSubscription and decodeAssignment refuse bytes that end within what they count", () =>
  fc.assert(
    fc.property(fc.array(topic, { minLength: 1, maxLength: 3 }), pairs, fc.nat(), (topics, pairs, at) => {
      const names = [...int(3, 2), ...list(topics.map(string))];
      const cut = Uint8Array.from(names.slice(0, at % names.length));
      assertEquals(unlessRefused(() => decodeSubscription(cut)), null);
      const owned = [...int(0, 2), ...partitions(pairs)];
      // No bytes at all are an empty assignment.
      const some = Uint8Array.from(owned.slice(0, 1 + at % (owned.length - 1)));
      assertEquals(unlessRefused(() => decodeAssignment(some)), null);
    }),
    { numRuns: 300 },
  ));
