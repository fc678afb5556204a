/** What does not get on is started anew, made anew, and in the end ends the system. All in virtual time. */
import { Effect, Exit, Schedule } from "effect";
import { actor, type ActorDefinition } from "../../src/actor.ts";
import { ActorFailed, GroupError } from "../../src/errors.ts";
import { EmbeddedKafka } from "../../src/link/embedded/embedded.ts";
import type { SystemSettingsInput } from "../../src/runtime/settings.ts";
import { systemMetrics } from "../../src/runtime/system_metrics.ts";
import { assert, assertEquals, assertMatch, assertStringIncludes } from "../assert.ts";
import { advance } from "../client/virtual.ts";
import { SilentLink } from "../watchdog/silent_link.ts";
import { committed, ids, Placed, publish, start, until, waited, world } from "./systems.ts";

const never = new Promise<never>(() => {});
const quick: SystemSettingsInput = {
  partitions: 1,
  watchdog: { stuckAfter: 1_000, silentAfter: 1_000 },
  fetch: { maxWait: 100, requestTimeout: 400 },
};
const restart = { initial: 10 };

/** What an actor has counted. */
const figures = { startedAt: 0, residentBytes: 0, heapBytes: 0 };

Deno.test("a resource that never comes is waited for no longer than stuckAfter: the next incarnation goes on", () =>
  world(Effect.gen(function* () {
    const kafka = new EmbeddedKafka();
    const starts: number[] = [];
    const clerk = actor({
      name: "clerk",
      receives: [Placed],
      restart,
      resources: ({ start }) => (starts.push(start), start === 1 ? never : start),
      receive: () => {},
    });
    const system = yield* start(kafka, [clerk], quick);
    yield* publish(system, ids(3));
    yield* until(() => committed(kafka, "clerk") === 3);
    assertEquals(starts, [1, 2]);
    const text = systemMetrics(system, figures);
    assertStringIncludes(text, 'troupe_watchdog_restarts_total{actor="clerk"} 1');
    assertEquals(system.health().live, true);
  })));

Deno.test("a resource that never comes at all: restarts, a new consumer, liveness fails, the system ends and says why", () =>
  world(Effect.gen(function* () {
    const kafka = new EmbeddedKafka();
    let starts = 0;
    const clerk = actor({
      name: "clerk",
      receives: [Placed],
      restart,
      resources: () => (starts++, never),
      receive: () => {},
    });
    const system = yield* start(kafka, [clerk], quick);
    yield* publish(system, ids(3));
    const seen: string[] = [];
    /** Milliseconds in which liveness fails before the end. */
    let dying = 0;
    const ended = yield* Effect.forkChild(Effect.flip(system.ended));
    yield* until(() => {
      const { live, state } = system.health();
      if (state === "running" && !live) dying += 5;
      const now = `${state}, ${live ? "live" : "not live"}, ${starts} starts, ${system.renewals[0].renewals} renewals`;
      if (seen.at(-1) !== now) seen.push(now);
      return ended.pollUnsafe() !== undefined;
    });
    // A restart, a new consumer, whose first incarnation is its last.
    const running = seen.filter((line) => line.startsWith("running") && !/ 0 starts|2 starts, 1 r/.test(line));
    assertEquals(running, [
      "running, live, 1 starts, 0 renewals",
      "running, live, 2 starts, 0 renewals",
      "running, live, 3 starts, 1 renewals",
      "running, not live, 3 starts, 1 renewals",
    ]);
    assert(dying >= 480, `${dying}`);
    const failure = ended.pollUnsafe();
    assert(failure !== undefined && Exit.isSuccess(failure) && failure.value instanceof ActorFailed);
    assertMatch(
      failure.value.message,
      /^clerk on orders\/0@0: its resources have not come for 1\d\d\d ms; .*stuckAfter/,
    );
    assertEquals(system.state, "failed");
  })));

Deno.test("a disposal that never ends holds up neither the next incarnation nor the end of the system", () =>
  world(Effect.gen(function* () {
    const kafka = new EmbeddedKafka();
    const events: string[] = [];
    const clerk = actor({
      name: "clerk",
      receives: [Placed],
      restart,
      resources: ({ start }) => ({ start, [Symbol.asyncDispose]: () => (events.push(`dispose ${start}`), never) }),
      receive: ({ id }, { resources, attempt }) => {
        events.push(`${id} in ${resources.start}`);
        return id === "o-1" && attempt === 1 && resources.start === 1 ? Effect.die(new Error("boom")) : Effect.void;
      },
    });
    const system = yield* start(kafka, [clerk], quick);
    yield* publish(system, ids(3));
    yield* until(() => committed(kafka, "clerk") === 3);
    assertEquals(events, ["o-0 in 1", "o-1 in 1", "dispose 1", "o-1 in 2", "o-2 in 2"]);
    const report = yield* waited(system.drain);
    assert(Exit.isSuccess(report));
    assertMatch(report.value.unfinished.join(), /clerk on orders\/0@3/);
  })));

Deno.test("a handler that never returns and ignores its interruption is none of the watchdog's business", () =>
  world(Effect.gen(function* () {
    const kafka = new EmbeddedKafka();
    const clerk = actor({
      name: "clerk",
      receives: [Placed],
      receiveTimeout: 500,
      retry: { times: 1, initial: 10, jitter: false },
      receive: ({ id }) => id === "o-1" ? Effect.uninterruptible(Effect.promise(() => never)) : undefined,
    });
    const system = yield* start(kafka, [clerk], quick);
    yield* publish(system, ids(3));
    yield* until(() => committed(kafka, "clerk") === 3);
    const { watchdogRestarts, restarts, deadLetters } = system.counters.get("clerk")!;
    assertEquals([watchdogRestarts, restarts, deadLetters["retries-exhausted"]], [0, 0, 1]);
  })));

Deno.test("a record whose retry schedule never answers is given up as killed-actor, and its partition goes on", () =>
  world(Effect.gen(function* () {
    const kafka = new EmbeddedKafka();
    const clerk = actor({
      name: "clerk",
      receives: [Placed],
      restart,
      receiveTimeout: 100,
      retry: Schedule.modifyDelay(Schedule.spaced(10), () => Effect.never),
      receive: ({ id }) => id === "o-1" ? Effect.fail("no") : undefined,
    });
    const system = yield* start(kafka, [clerk], quick);
    yield* publish(system, ids(3));
    yield* until(() => committed(kafka, "clerk") === 3);
    const { watchdogRestarts, deadLetters } = system.counters.get("clerk")!;
    assertEquals([watchdogRestarts, deadLetters["killed-actor"], system.renewals[0].renewals], [3, 1, 0]);
  })));

Deno.test("what waits for its retry, or takes as long as receiveTimeout allows, is not stuck", () =>
  world(Effect.gen(function* () {
    const kafka = new EmbeddedKafka();
    const clerk = actor({
      name: "clerk",
      receives: [Placed],
      receiveTimeout: 1_000,
      retry: { times: 1, initial: 4_000, factor: 1, jitter: false },
      receive: ({ id }, { attempt }) =>
        Effect.andThen(
          Effect.sleep(900),
          id === "o-0" && attempt < 2 ? Effect.fail("not yet") : Effect.void,
        ),
    });
    const system = yield* start(kafka, [clerk], { ...quick, watchdog: { stuckAfter: 100 } });
    yield* publish(system, ids(2));
    yield* until(() => committed(kafka, "clerk") === 2);
    assertEquals(system.counters.get("clerk")!.watchdogRestarts, 0);
  })));

Deno.test("an incarnation that was left behind receives, settles and publishes nothing when it comes late", () =>
  world(Effect.gen(function* () {
    const kafka = new EmbeddedKafka();
    const come = Promise.withResolvers<void>();
    const events: string[] = [];
    const clerk = actor({
      name: "clerk",
      receives: [Placed],
      restart,
      // Uninterruptible: nothing ends it before it has come.
      resources: ({ start }) =>
        Effect.acquireRelease(
          Effect.as(start === 1 ? Effect.promise(() => come.promise) : Effect.void, start),
          () => Effect.sync(() => void events.push(`released ${start}`)),
        ),
      receive: ({ id }, { resources }) => void events.push(`${id} in ${resources}`),
    });
    const system = yield* start(kafka, [clerk], quick);
    yield* publish(system, ids(2));
    yield* until(() => committed(kafka, "clerk") === 2);
    come.resolve();
    yield* until(() => events.includes("released 1"));
    yield* publish(system, ["late"]);
    yield* until(() => committed(kafka, "clerk") === 3);
    assertEquals(events, ["o-0 in 2", "o-1 in 2", "released 1", "late in 2"]);
  })));

const idle: ActorDefinition = actor({ name: "clerk", receives: [Placed], receive: () => {} });

Deno.test("a consumer that is given nothing although its log has more is made anew, and goes on", () => {
  const log: string[] = [];
  return world(
    Effect.gen(function* () {
      const kafka = new EmbeddedKafka();
      const link = new SilentLink(kafka, "Fetch");
      const system = yield* start(link, [idle], quick);
      yield* until(() => system.health().ready);
      yield* publish(system, ids(2));
      yield* until(() => committed(kafka, "clerk") === 2);
      link.armed = true;
      yield* advance(200); // the fetch under way still hears
      yield* publish(system, ids(2));
      yield* until(() => committed(kafka, "clerk") === 4);
      assertEquals([system.renewals[0].renewals, system.health().live], [1, true]);
      const line = log.find((line) => line.includes("made anew")) ?? "";
      assertMatch(line, /^group clerk: SILENT: orders\/0@2 was given nothing for 1000 ms .* its log has more/);
    }),
    log,
  );
});

Deno.test("a system ends where a new consumer is given nothing, either; liveness fails before", () =>
  world(Effect.gen(function* () {
    const kafka = new EmbeddedKafka();
    const link = new SilentLink(kafka, "Fetch");
    link.heals = false;
    const system = yield* start(link, [idle], quick);
    yield* until(() => system.health().ready);
    link.armed = true;
    yield* advance(200); // the fetch under way still hears
    yield* publish(system, ids(2));
    let dying = 0;
    const ended = yield* Effect.forkChild(Effect.flip(system.ended));
    yield* until(() => {
      if (system.state === "running" && !system.health().live) dying++;
      return ended.pollUnsafe() !== undefined;
    });
    const failure = ended.pollUnsafe();
    assert(failure !== undefined && Exit.isSuccess(failure) && failure.value instanceof GroupError);
    assertStringIncludes(failure.value.message, "orders/0@0 was given nothing for 1000 ms");
    assert(dying > 10, `${dying}`);
  })));

Deno.test("a consumer that has nothing to do, or whose brokers are away, is left alone", () =>
  world(Effect.gen(function* () {
    const kafka = new EmbeddedKafka();
    const system = yield* start(kafka, [idle], quick);
    yield* until(() => system.health().ready);
    yield* advance(5_000);
    assertEquals([system.renewals[0].renewals, system.health().reasons], [0, []]);
    kafka.stop();
    yield* advance(10_000);
    kafka.start();
    yield* until(() => system.health().ready);
    yield* publish(system, ids(2));
    yield* until(() => committed(kafka, "clerk") === 2);
    assertEquals(system.renewals[0].renewals, 0);
  })));

Deno.test("a receive that takes long, within its receiveTimeout, fails no liveness, not even after a renewal", () =>
  world(Effect.gen(function* () {
    const kafka = new EmbeddedKafka();
    const link = new SilentLink(kafka, "Fetch");
    const clerk = actor({
      name: "clerk",
      receives: [Placed],
      receiveTimeout: 8_000,
      receive: ({ id }) => id === "slow" ? Effect.sleep(7_900) : undefined,
    });
    const system = yield* start(link, [clerk], quick);
    yield* publish(system, ids(1));
    yield* until(() => committed(kafka, "clerk") === 1);
    link.armed = true;
    yield* publish(system, ids(1));
    yield* until(() => system.renewals[0].renewals === 1 && committed(kafka, "clerk") === 2);
    yield* publish(system, ["slow"]);
    let degraded = 0;
    yield* until(() => {
      const { live, status } = system.health();
      assertEquals(live, true);
      if (status === "degraded") degraded += 25;
      return committed(kafka, "clerk") === 3;
    }, 25);
    // Half of its time is over: an operator may look at it.
    assert(degraded > 1_000 && degraded < 4_000, `${degraded}`);
    assertEquals([system.counters.get("clerk")!.watchdogRestarts, system.renewals[0].renewals], [0, 1]);
  })));
