import { Clock, Effect, FiberSet } from "effect";
import { Deadlines } from "../../src/runtime/deadlines.ts";
import { assertEquals } from "../assert.ts";
import { advance, virtual } from "../client/virtual.ts";

Deno.test("watch() expires each wait at its own time, once, and not one that was cancelled", () =>
  virtual(Effect.gen(function* () {
    const clock = yield* Clock.Clock;
    const run = yield* Effect.flatMap(FiberSet.make<void>(), (set) => FiberSet.runtime(set)());
    let timers = 0;
    const deadlines = new Deadlines(clock, 100, (effect) => {
      timers++;
      run(effect);
    });
    const expired: string[] = [];
    let now = 0;
    const watch = (name: string) => deadlines.watch(() => expired.push(`${name}@${now}`));
    const pass = function* (until: number) {
      for (; now < until; now += 10) yield* advance(10, 10);
    };
    watch("a");
    yield* pass(50);
    const cancelled = watch("b");
    watch("c");
    yield* pass(90);
    deadlines.cancel(cancelled);
    yield* pass(300);
    assertEquals(expired, ["a@90", "c@140"]);
    assertEquals(timers, 1, "one timer for all");
    watch("d");
    yield* pass(500);
    assertEquals([expired[2], timers], ["d@390", 2]);
  })));
