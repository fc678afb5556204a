import { VirtualTime } from "@troupe/troupe/testing";
import { Clock, Effect, Fiber, Random } from "effect";
import { assert, assertEquals, assertThrows } from "../assert.ts";

/** The order in which three fibers take their turns. */
const race = Effect.gen(function* () {
  const order: string[] = [];
  const runner = (name: string) =>
    Effect.gen(function* () {
      for (let i = 0; i < 3; i++) {
        order.push(name);
        yield* Effect.yieldNow;
      }
    });
  yield* Effect.all([runner("a"), runner("b"), runner("c")], { concurrency: "unbounded" });
  return order.join("");
});

Deno.test("a seed gives one order, other seeds give others", () => {
  const orders = new Set<string>();
  for (let seed = 0; seed < 50; seed++) {
    const order = new VirtualTime(seed).run(race);
    assertEquals(new VirtualTime(seed).run(race), order);
    orders.add(order);
  }
  assert(orders.size > 20, `${orders.size} orders`);
});

Deno.test("time passes only when nothing else can happen, and takes no time", () => {
  const time = new VirtualTime(1);
  const times = time.run(Effect.gen(function* () {
    const clock = yield* Clock.Clock;
    const before = clock.currentTimeMillisUnsafe();
    for (let i = 0; i < 100; i++) yield* Effect.yieldNow;
    const idle = clock.currentTimeMillisUnsafe();
    yield* Effect.sleep("30 days");
    return [before, idle, clock.currentTimeMillisUnsafe()];
  }));
  assertEquals(times, [0, 0, 30 * 24 * 3_600_000]);
});

Deno.test("chance comes from the seed", () => {
  const draw = Effect.all([Random.next, Random.next]);
  assertEquals(new VirtualTime(7).run(draw), new VirtualTime(7).run(draw));
  assert(new VirtualTime(7).run(draw)[0] !== new VirtualTime(8).run(draw)[0]);
});

Deno.test("a program that waits for ever is an error that names the seed", () => {
  assertThrows(() => new VirtualTime(12).run(Effect.never), Error, "seed 12");
});

Deno.test("an interrupt is never lost, whenever a fiber is preempted", () => {
  for (let seed = 0; seed < 300; seed++) {
    const time = new VirtualTime(seed, { preemption: 0.3 });
    const ended = time.run(Effect.gen(function* () {
      const fiber = yield* Effect.forkChild(Effect.andThen(Effect.sleep(10), Effect.sleep(10)));
      for (let i = seed % 4; i > 0; i--) yield* Effect.yieldNow;
      yield* Fiber.interrupt(fiber);
      return fiber.pollUnsafe() !== undefined;
    }));
    assertEquals([ended, time.now], [true, 0], `seed ${seed}`);
  }
});

Deno.test("a process that is killed does nothing more, and its finalizers don't run; others go on", () => {
  const time = new VirtualTime(3);
  const said: string[] = [];
  const program = (name: string) =>
    Effect.ensuring(
      Effect.forever(Effect.andThen(Effect.sleep(10), Effect.sync(() => said.push(name)))),
      Effect.sync(() => said.push(`${name} ends`)),
    );
  const [a, b] = [time.process(), time.process()];
  a.fork(program("a"));
  b.fork(program("b"));
  const until = (ms: number) => {
    while (time.now < ms) time.step();
    while (time.runOne());
  };
  until(10);
  a.kill();
  until(30);
  assertEquals(said.filter((name) => name.startsWith("a")), ["a"]);
  assertEquals(said.filter((name) => name.startsWith("b")), ["b", "b", "b"]);
  assertEquals([a.alive, b.alive], [{ fibers: 0, timers: 0 }, { fibers: 1, timers: 1 }]);
});
