/**
 * A wall clock that jumps, as when a machine wakes up or its time is set: what is measured is measured by the other clock.
 */
import { Clock, Effect, Logger, type Scope } from "effect";
import { actor, event } from "@troupe/troupe";
import { z } from "zod";
import { Warnings } from "../../src/client/warnings.ts";
import { EmbeddedKafka } from "../../src/link/embedded/embedded.ts";
import { Reports } from "../../src/runtime/reports.ts";
import { makeSystem } from "../../src/runtime/system.ts";
import { VirtualTime } from "../../src/testing/virtual_time.ts";
import { assertEquals } from "../assert.ts";

const hour = 3_600_000;
const jumps = [hour, -2 * hour, 720 * hour, -744 * hour];

const Placed = event({
  name: "Placed",
  topic: "orders",
  schema: z.object({ id: z.number() }),
  key: ({ id }) => `${id}`,
});

/** A clock whose wall time can be set. */
function settable(base: Clock.Clock): { readonly clock: Clock.Clock; readonly jump: (ms: number) => void } {
  let offset = 0;
  const millis = () => base.currentTimeMillisUnsafe() + offset;
  const nanos = () => base.currentTimeNanosUnsafe() + BigInt(offset) * 1_000_000n;
  const clock: Clock.Clock = {
    currentTimeMillisUnsafe: millis,
    currentTimeMillis: Effect.sync(millis),
    currentTimeNanosUnsafe: nanos,
    currentTimeNanos: Effect.sync(nanos),
    monotonicTimeNanosUnsafe: () => base.monotonicTimeNanosUnsafe(),
    monotonicTimeNanos: base.monotonicTimeNanos,
    sleep: (duration) => base.sleep(duration),
  };
  return { clock, jump: (ms) => offset += ms };
}

Deno.test("a wall clock that jumps an hour or a month moves no partition, loses and repeats nothing", () => {
  const handled: Array<number> = [];
  const kafka = new EmbeddedKafka({ partitions: 4 });
  const reader = actor({ name: "reader", receives: [Placed], receive: ({ id }) => void handled.push(id) });
  const program = Effect.gen(function* () {
    const base = yield* Clock.Clock;
    const first = settable(base);
    const second = settable(base);
    const start = ({ clock }: typeof first) =>
      Effect.provideService(
        makeSystem({ actors: [reader], sessionTimeout: 3_000, partitions: 4 }, kafka.open),
        Clock.Clock,
        clock,
      );
    const [one, two] = [yield* start(first), yield* start(second)];
    yield* Effect.all([one.whenReady(10_000), two.whenReady(10_000)], { concurrency: 2 });
    yield* Effect.sleep(5_000);
    const group = () => kafka.group("reader");
    const before = group();
    assertEquals(before?.members.length, 2);
    let id = 0;
    for (const jump of jumps) {
      first.jump(jump);
      second.jump(-jump);
      const ids = Array.from({ length: 50 }, () => id++);
      yield* Effect.forEach(ids, (id) => one.publish(Placed, { id }), { concurrency: "unbounded" });
      yield* Effect.sleep(10_000);
      assertEquals(handled.toSorted((a, b) => a - b), Array.from({ length: id }, (_, i) => i));
      assertEquals(group(), before);
    }
    const committed = [0, 1, 2, 3].reduce((sum, n) => sum + (kafka.committed("reader", "orders", n)?.offset ?? 0), 0);
    assertEquals(committed, id);
  });
  const scoped: Effect.Effect<void, unknown, Scope.Scope> = program;
  new VirtualTime(1).run(Effect.scoped(scoped));
});

Deno.test("what was said once in ten seconds is said again after them, also where the clock was set back", () => {
  const said: Array<string> = [];
  const program = Effect.gen(function* () {
    const { clock, jump } = settable(yield* Clock.Clock);
    const warnings = new Warnings(clock);
    const logger = { debug() {}, info() {}, warn: (text: string) => void said.push(text), error() {} };
    const reports = new Reports(clock, () => logger);
    for (const name of ["first", "at once", "later"]) {
      reports.warn("kind", 0, () => name);
      yield* warnings.warn("cause", `warned ${name}`);
      if (name === "at once") yield* Effect.sleep(11_000);
      jump(-hour);
    }
  });
  const log = Logger.make(({ message }) => void said.push(String(message)));
  new VirtualTime(1).run(Effect.provide(program, Logger.layer([log])));
  assertEquals(said, ["first", "warned first", "later (and 1 more since the last such line)", "warned later"]);
});
