/** Time in which a process was frozen is nobody's failure. In virtual time, by a clock that jumps. */
import { Clock, Effect } from "effect";
import { actor } from "../../src/actor.ts";
import { EmbeddedKafka } from "../../src/link/embedded/embedded.ts";
import { systemSettings } from "../../src/runtime/settings.ts";
import type { Renewal } from "../../src/runtime/watchdog/renewal.ts";
import { watchdog } from "../../src/runtime/watchdog/watchdog.ts";
import { assertEquals } from "../assert.ts";
import { advance, virtual } from "../client/virtual.ts";
import { committed, ids, Placed, publish, start, until, world } from "./systems.ts";

/** The clock of a process that can be frozen: its timers stand still, and the time goes on. */
class Freezing implements Clock.Clock {
  /** Milliseconds for which it was. */
  frozen = 0;

  constructor(private readonly clock: Clock.Clock) {}

  currentTimeMillisUnsafe(): number {
    return this.clock.currentTimeMillisUnsafe() + this.frozen;
  }

  readonly currentTimeMillis = Effect.sync(() => this.currentTimeMillisUnsafe());

  currentTimeNanosUnsafe(): bigint {
    return this.clock.currentTimeNanosUnsafe() + BigInt(this.frozen) * 1_000_000n;
  }

  readonly currentTimeNanos = Effect.sync(() => this.currentTimeNanosUnsafe());

  monotonicTimeNanosUnsafe(): bigint {
    return this.clock.monotonicTimeNanosUnsafe() + BigInt(this.frozen) * 1_000_000n;
  }

  readonly monotonicTimeNanos = Effect.sync(() => this.monotonicTimeNanosUnsafe());

  readonly sleep: Clock.Clock["sleep"] = (duration) => this.clock.sleep(duration);
}

const freezing: Effect.Effect<Freezing> = Effect.map(Clock.Clock, (clock) => new Freezing(clock));
const settings = { partitions: 1, sessionTimeout: 60_000, watchdog: { stuckAfter: 1_000, silentAfter: 1_000 } };

Deno.test("watchdog() counts two looks at most for the time between two of them, however long that was", () =>
  virtual(Effect.gen(function* () {
    const clock = yield* freezing;
    const looks: number[] = [];
    const look = (passed: number) => Effect.sync(() => void looks.push(passed));
    const looking = watchdog({ look } as unknown as Renewal, systemSettings(settings));
    const fiber = yield* Effect.forkChild(Effect.provideService(looking, Clock.Clock, clock));
    yield* advance(250);
    clock.frozen = 3_600_000;
    yield* advance(200);
    fiber.interruptUnsafe();
    assertEquals(looks, [100, 100, 200, 100]);
  })));

const never = new Promise<never>(() => {});

Deno.test("a system that was frozen again and again starts nothing anew: what is under way has all of its time", () =>
  world(Effect.gen(function* () {
    const clock = yield* freezing;
    const kafka = new EmbeddedKafka();
    const come = Promise.withResolvers<void>();
    let starts = 0;
    const clerk = actor({
      name: "clerk",
      receives: [Placed],
      resources: () => (starts++, starts === 1 ? come.promise : never),
      receive: () => {},
    });
    const system = yield* Effect.provideService(start(kafka, [clerk], settings), Clock.Clock, clock);
    yield* until(() => starts === 1);
    for (let i = 0; i < 4; i++) {
      yield* advance(100);

      clock.frozen += 1_500;
      yield* advance(50);
    }
    assertEquals([starts, system.health().live, system.counters.get("clerk")?.watchdogRestarts], [1, true, 0]);
    come.resolve();
    yield* publish(system, ids(2));
    yield* until(() => committed(kafka, "clerk") === 2);
    assertEquals(starts, 1);
  })));
