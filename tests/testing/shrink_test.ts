import { assert, assertEquals } from "../assert.ts";
import fc from "fast-check";
import { shrink } from "../../src/testing/simulation/shrink.ts";

const numbers = (count: number) => Array.from({ length: count }, (_, i) => i);

Deno.test("shrink() leaves just what is needed, in its order", () => {
  const needed = (pieces: ReadonlyArray<number>) => [3, 40, 77].every((piece) => pieces.includes(piece));
  assertEquals(shrink(numbers(100), needed), [3, 40, 77]);
});

Deno.test("shrink() leaves nothing of what fails in any case, after one try", () => {
  let tries = 0;
  assertEquals(shrink(numbers(100), () => ++tries > 0), []);
  assertEquals(tries, 1);
  assertEquals(shrink([], () => true), []);
});

Deno.test("shrink() asks no more often than it may, and gives the least it has found", () => {
  let tries = 0;
  const found = shrink(numbers(64), (pieces) => (tries++, pieces.includes(0)), { tries: 3 });
  assertEquals(tries, 3);
  assert(found.length < 64 && found.includes(0), `${found.length} pieces`);
});

Deno.test("shrink() gives a part of the list that fails, no piece of it can be left out, and nothing is asked twice", () => {
  const lists = fc.integer({ min: 1, max: 40 }).chain((count) =>
    fc.record({
      count: fc.constant(count),
      // It fails where all pieces of one of these are there, and an odd number of the last.
      causes: fc.array(fc.uniqueArray(fc.integer({ min: 0, max: count - 1 }), { minLength: 1, maxLength: 6 }), {
        minLength: 1,
        maxLength: 4,
      }),
      oddness: fc.array(fc.integer({ min: 0, max: count - 1 }), { maxLength: 5 }),
    })
  );
  fc.assert(
    fc.property(lists, ({ count, causes, oddness }) => {
      const asked = new Set<string>();
      const looked = (pieces: ReadonlyArray<number>) => {
        assert(!asked.has(pieces.join()), `asked twice for ${pieces}`);
        asked.add(pieces.join());
        return fails(pieces);
      };
      const fails = (pieces: ReadonlyArray<number>) =>
        causes.some((cause) => cause.every((piece) => pieces.includes(piece))) ||
        pieces.filter((piece) => oddness.includes(piece)).length % 2 === 1;
      if (!fails(numbers(count))) return;
      const found = shrink(numbers(count), looked, { tries: 10_000 });
      assert(fails(found), "it no longer fails");
      assertEquals(found, numbers(count).filter((piece) => found.includes(piece)));
      for (const piece of found) assert(!fails(found.filter((each) => each !== piece)), `without ${piece} it fails`);
    }),
  );
});
