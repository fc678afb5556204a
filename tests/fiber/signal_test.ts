import { Effect, type Fiber } from "effect";
import { Signal } from "../../src/fiber/signal.ts";
import { VirtualTime } from "../../src/testing/virtual_time.ts";
import { assertEquals } from "../assert.ts";

/** When a wait of at most 100 ms ends, and what is left then, with somebody who raises or interrupts after `after` ms. */
function waited(after: number, act: (signal: Signal, waiter: Fiber.Fiber<void>) => void) {
  const time = new VirtualTime(1);
  const process = time.process();
  const signal = new Signal();
  let endedAt = -1;
  const waiter = process.fork(Effect.ensuring(signal.waitAtMost(100), Effect.sync(() => void (endedAt = time.now))));
  time.arm({ at: after, fire: () => act(signal, waiter) });
  while (endedAt < 0 && time.step());
  while (time.runOne());
  return { endedAt, alive: process.alive, signal, time, process };
}

Deno.test("Signal.waitAtMost() ends when it is raised, and leaves no timer", () => {
  const { endedAt, alive } = waited(30, (signal) => signal.raise());
  assertEquals(endedAt, 30);
  assertEquals(alive, { fibers: 0, timers: 0 });
});

Deno.test("Signal.waitAtMost() ends after its time, and what is raised then is kept for the next wait", () => {
  const { endedAt, alive, signal, time } = waited(500, () => {});
  assertEquals(endedAt, 100);
  assertEquals(alive, { fibers: 0, timers: 0 });
  signal.raise();
  const before = time.now;
  time.run(signal.waitAtMost(1_000));
  assertEquals(time.now, before);
});

Deno.test("Signal.waitAtMost() leaves nothing when it is interrupted, and takes no raise with it", () => {
  const { endedAt, alive, signal, time } = waited(30, (_, waiter) => waiter.interruptUnsafe());
  assertEquals(endedAt, 30);
  assertEquals(alive, { fibers: 0, timers: 0 });
  signal.raise();
  const before = time.now;
  time.run(signal.waitAtMost(1_000));
  assertEquals(time.now, before);
});
