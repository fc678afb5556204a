import { Effect, Fiber } from "effect";
import { Slots } from "../../src/runtime/slots.ts";
import { assert, assertEquals } from "../assert.ts";
import { virtual } from "../client/virtual.ts";
import { turns } from "./one_partition.ts";

Deno.test("give() passes a slot to whoever has waited longest; free says whether one is left over", () =>
  virtual(Effect.gen(function* () {
    const slots = new Slots(2);
    slots.takeUnsafe();
    yield* slots.take;
    assert(!slots.free);
    const order: string[] = [];
    const wait = (name: string) => Effect.forkScoped(Effect.map(slots.take, () => void order.push(name)));
    yield* wait("a");
    const gone = yield* wait("b");
    yield* wait("c");
    yield* turns;
    yield* Fiber.interrupt(gone);
    slots.give();
    yield* turns;
    assertEquals(order, ["a"]);
    slots.give();
    yield* turns;
    assertEquals(order, ["a", "c"]);
    assert(!slots.free);
    slots.give();
    assert(slots.free);
  })));
