/** Slots beside a number and a queue, whoever takes, waits, gives up and gives back. */
import { Effect, Fiber } from "effect";
import fc from "fast-check";
import { Slots } from "../../src/runtime/slots.ts";
import { assertEquals } from "../assert.ts";
import { virtual } from "../client/virtual.ts";
import { turns } from "./one_partition.ts";

const act = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom("take", "take", "take", "give", "give", "turn") },
  { weight: 1, arbitrary: fc.constant("takeUnsafe") },
  { weight: 1, arbitrary: fc.nat(5) }, // the one at this place in the queue gives up
);

Deno.test("property: Slots gives each slot to who waits longest, and none to who has given up waiting", () =>
  fc.assert(
    fc.asyncProperty(fc.nat(4), fc.array(act, { maxLength: 30, size: "max" }), (count, acts) =>
      virtual(Effect.gen(function* () {
        const slots = new Slots(count);
        let free = count;
        /** Those that wait, by the model: the longest first. */
        let queue: number[] = [];
        /** Whom the model has given a slot it waited for, and who has got one. */
        const given: number[] = [];
        const got: number[] = [];
        const fibers = new Map<number, Fiber.Fiber<void>>();
        for (const [name, act] of acts.entries()) {
          if (act === "take") {
            const take = Effect.map(slots.take, () =>
              void got.push(name));
            fibers.set(name, yield* Effect.forkScoped(take, { startImmediately: true }));
            if (free === 0) {
              queue.push(name);
            } else {
              free--;
              assertEquals(got.pop(), name, "has a free one at once");
            }
          } else if (act === "takeUnsafe") {
            if (!slots.free) {
              continue;
            }
            slots.takeUnsafe();
            free--;
          } else if (act === "give") {
            if (free === count) {
              continue;
            }
            slots.give();
            const next = queue.shift();
            if (next === undefined) {
              free++;
            } else given.push(next);
          } else if (act === "turn") {
            yield* turns;
            assertEquals(got, given);
          } else {
            const gone = queue[act];
            const fiber = fibers.get(gone);
            if (fiber !== undefined) {
              yield* Fiber.interrupt(fiber);
            }
            queue = queue.filter((other) =>
              other !== gone
            );
          }
          assertEquals(slots.free, free > 0, `after ${name}: ${act}`);
        }
        // What is held is given back: those that wait have theirs, then all are free, not one more and not one less.
        for (let give = count - free + queue.length; give > 0; give--) slots.give();
        yield* turns;
        assertEquals(got, [...given, ...queue]);
        for (let i = 0; i < count; i++) {
          assertEquals(slots.free, true);
          slots.takeUnsafe();
        }
        assertEquals(slots.free, false);
      }))),
    { numRuns: 200 },
  ));
