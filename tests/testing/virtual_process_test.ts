import { Clock, Effect } from "effect";
import { VirtualTime } from "../../src/testing/virtual_time.ts";
import { assertEquals } from "../assert.ts";

/** Lets time pass. */
function pass(time: VirtualTime, ms: number): void {
  const end = time.now + ms;
  time.arm({ at: end, fire: () => {} });
  while (time.now < end && time.step());
  while (time.runOne());
}

/** A process that counts every 10 ms, and one beside it. */
function twoThatCount() {
  const time = new VirtualTime(1);
  const counts = { frozen: 0, other: 0 };
  const counting = (name: keyof typeof counts) =>
    Effect.forever(Effect.andThen(Effect.sleep(10), Effect.sync(() => counts[name]++)));
  const process = time.process();
  process.fork(counting("frozen"));
  time.process().fork(counting("other"));
  return { time, process, counts };
}

Deno.test("VirtualProcess.freeze() lets nothing of it run while time passes for others; thaw() lets overdue timers ring", () => {
  const { time, process, counts } = twoThatCount();
  pass(time, 25);
  process.freeze();
  assertEquals([process.frozen, counts], [true, { frozen: 2, other: 2 }]);
  pass(time, 100);
  assertEquals(counts, { frozen: 2, other: 12 });
  process.thaw();
  while (time.runOne());
  assertEquals([process.frozen, counts.frozen, time.now], [false, 3, 125]);
  pass(time, 20);
  assertEquals(counts.frozen, 5);
});

Deno.test("what others wake in a frozen VirtualProcess runs when it goes on", () => {
  const time = new VirtualTime(1);
  const process = time.process();
  let wake = () => {};
  let woken = -1;
  process.fork(Effect.callback<void>((resume) => {
    wake = () => resume(Effect.andThen(Effect.yieldNow, Effect.sync(() => void (woken = time.now))));
  }));
  pass(time, 1);
  process.freeze();
  wake();
  pass(time, 50);
  assertEquals(woken, -1);
  process.thaw();
  pass(time, 1);
  assertEquals(woken, 51);
});

Deno.test("a frozen VirtualProcess that is killed never goes on", () => {
  const { time, process, counts } = twoThatCount();
  pass(time, 15);
  process.freeze();
  process.kill();
  process.thaw();
  pass(time, 100);
  assertEquals([counts.frozen, process.alive], [1, { fibers: 0, timers: 0 }]);
});

Deno.test("VirtualProcess.clockAhead moves the wall clock, and neither the one that never goes back nor timers", () => {
  const time = new VirtualTime(1);
  const process = time.process();
  const seen: Array<readonly [wall: number, monotonic: number]> = [];
  process.fork(Effect.gen(function* () {
    const clock = yield* Clock.Clock;
    for (;;) {
      seen.push([clock.currentTimeMillisUnsafe(), Number(clock.monotonicTimeNanosUnsafe()) / 1e6]);
      yield* Effect.sleep(10);
    }
  }));
  pass(time, 5);
  process.clockAhead = -3_600_000;
  pass(time, 10);
  assertEquals(seen, [[0, 0], [10 - 3_600_000, 10]]);
});
