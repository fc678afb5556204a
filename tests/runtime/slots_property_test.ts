/** Slots beside a number and a queue, whoever takes, waits, gives up and gives back. */
import { Effect, Fiber } from "effect";
import fc from "fast-check";
import { Slots } from "../../src/runtime/slots.ts";
import { assertEquals } from "../assert.ts";
import { virtual } from "../client/virtual.ts";
import { turns } from "./one_partition.ts";

const act = fc.oneof(
  fc.record({ what: fc.constantFrom("take", "take", "give", "give", "takeUnsafe", "turn"), which: fc.constant(0) }),
  fc.record({ what: fc.constant("give up"), which: fc.nat(9) }),
);

Deno.test("property: Slots gives each slot to who waits longest, and none to who has given up waiting", () =>
  fc.assert(
    fc.asyncProperty(fc.nat(4), fc.array(act, { maxLength: 40 }), (count, acts) =>
      virtual(Effect.gen(function* () {
        const slots = new Slots(count);
        let free = count;
        let held = 0;
        /** Those that wait, by the model: the longest first. */
        let waiting: number[] = [];
        const expected: number[] = [];
        const got: number[] = [];
        const fibers = new Map<number, Fiber.Fiber<void>>();
        for (const [name, { what, which }] of acts.entries()) {
          if (what === "take") {
            const take = Effect.map(slots.take, () => void got.push(name));
            fibers.set(name, yield* Effect.forkScoped(take, { startImmediately: true }));
            if (free > 0) free--, held++, expected.push(name);
            else waiting.push(name);
          } else if (what === "takeUnsafe") {
            if (slots.free) slots.takeUnsafe(), free--, held++;
          } else if (what === "give") {
            if (held === 0) continue;
            slots.give();
            const next = waiting.shift();
            if (next === undefined) free++, held--;
            else expected.push(next);
          } else if (what === "give up") {
            const gone = waiting[which % Math.max(1, waiting.length)];
            const fiber = fibers.get(gone);
            if (fiber !== undefined) yield* Fiber.interrupt(fiber);
            waiting = waiting.filter((name) => name !== gone);
          } else {
            yield* turns;
            assertEquals(got, expected);
          }
          assertEquals(slots.free, free > 0, `after ${name}: ${what}`);
        }
        yield* turns;
        assertEquals(got, expected);
        // What is held is given back: then all are free, not one more and not one less.
        for (; held > 0; held--) slots.give();
        yield* turns;
        for (let i = 0; i < count - waiting.length; i++) {
          assertEquals(slots.free, true);
          slots.takeUnsafe();
        }
        assertEquals(slots.free, false);
      }))),
    { numRuns: 300 },
  ));
