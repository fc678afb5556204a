/** Heartbeats and commits that get no answer, where others get theirs. All in virtual time. */
import { Effect, Exit } from "effect";
import { actor, type ActorDefinition } from "../../src/actor.ts";
import { GroupError } from "../../src/errors.ts";
import { EmbeddedKafka } from "../../src/link/embedded/embedded.ts";
import type { SystemSettingsInput } from "../../src/runtime/settings.ts";
import { assert, assertEquals, assertMatch, assertStringIncludes } from "../assert.ts";
import { advance } from "../client/virtual.ts";
import { SilentLink } from "../watchdog/silent_link.ts";
import { committed, ids, Placed, publish, start, until, world } from "./systems.ts";

/** Silence is noticed after 1.5 s: silentAfter and rebalanceTimeout. */
const quick: SystemSettingsInput = {
  partitions: 1,
  sessionTimeout: 600,
  drainTimeout: 300,
  rebalanceTimeout: 1_000,
  commitInterval: 100,
  watchdog: { silentAfter: 500 },
  fetch: { maxWait: 50, requestTimeout: 200 },
};
const idle: ActorDefinition = actor({ name: "clerk", receives: [Placed], receive: () => {} });

for (const groupProtocol of ["classic", "consumer"] as const) {
  const silent = groupProtocol === "classic" ? "Heartbeat" : "ConsumerGroupHeartbeat";
  Deno.test(`a member whose heartbeats get no answer, though others get theirs, is made anew (${groupProtocol})`, () => {
    const log: string[] = [];
    return world(
      Effect.gen(function* () {
        const kafka = new EmbeddedKafka();
        const link = new SilentLink(kafka, silent);
        const system = yield* start(link, [idle], { ...quick, groupProtocol });
        yield* Effect.addFinalizer(() => Effect.sync(() => link.end()));
        yield* until(() => system.health().ready);
        link.armed = true;
        yield* until(() => !system.health().ready);
        assertEquals([system.health().live, system.renewals[0].renewals], [true, 0]);
        assertMatch(system.health().reasons.join(), /the group clerk has not been heard of for as long as it waits/);
        yield* until(() => {
          assertEquals(system.health().live, true);
          return system.renewals[0].renewals === 1 && system.health().ready;
        }, 25);
        yield* publish(system, ids(2));
        yield* until(() => committed(kafka, "clerk") === 2);
        assertEquals([system.health().live, system.state], [true, "running"]);
        const line = log.find((line) => line.includes("made anew")) ?? "";
        assertMatch(line, /no heartbeat was answered for 1500 ms, although the coordinator answers others/);
      }),
      log,
    );
  });
}

Deno.test("a system whose heartbeats get no answer from a new consumer's connections, either, ends; liveness fails before", () =>
  world(Effect.gen(function* () {
    const kafka = new EmbeddedKafka();
    const link = new SilentLink(kafka, "Heartbeat");
    link.heals = false;
    const system = yield* start(link, [idle], quick);
    yield* Effect.addFinalizer(() => Effect.sync(() => link.end()));
    yield* until(() => system.health().ready);
    link.armed = true;
    let dying = 0;
    const ended = yield* Effect.forkChild(Effect.flip(system.ended));
    yield* until(() => {
      if (system.state === "running" && !system.health().live) dying += 25;
      return ended.pollUnsafe() !== undefined;
    }, 25);
    const failure = ended.pollUnsafe();
    assert(failure !== undefined && Exit.isSuccess(failure) && failure.value instanceof GroupError);
    assertStringIncludes(failure.value.message, "no heartbeat was answered");
    assertEquals(system.renewals[0].renewals, 1);
    assert(dying >= 500, `${dying}`);
  })));

Deno.test("a consumer whose commits get no answer, though its heartbeats get theirs, is made anew and begins at the last one", () => {
  const log: string[] = [];
  return world(
    Effect.gen(function* () {
      const kafka = new EmbeddedKafka();
      const link = new SilentLink(kafka, "OffsetCommit");
      const received: string[] = [];
      const clerk = actor({ name: "clerk", receives: [Placed], receive: ({ id }) => void received.push(id) });
      const system = yield* start(link, [clerk], quick);
      yield* publish(system, ["before"]);
      yield* until(() => committed(kafka, "clerk") === 1);
      link.armed = true;
      yield* publish(system, ["late"]);
      yield* until(() => committed(kafka, "clerk") === 2);
      assertEquals(received, ["before", "late", "late"]);
      assertEquals([system.renewals[0].renewals, system.health().live], [1, true]);
      const line = log.find((line) => line.includes("made anew")) ?? "";
      assertMatch(line, /no commit was accepted for 1500 ms/);
    }),
    log,
  );
});

Deno.test("a consumer with nothing to commit, and one whose brokers all are away, are not accused of silence", () =>
  world(Effect.gen(function* () {
    const kafka = new EmbeddedKafka();
    const system = yield* start(kafka, [idle], quick);
    yield* publish(system, ids(2));
    yield* until(() => committed(kafka, "clerk") === 2);
    yield* advance(10_000);
    assertEquals([system.renewals[0].renewals, system.health().reasons], [0, []]);
    kafka.stop();
    yield* until(() => !system.health().ready);
    for (let i = 0; i < 100; i++) {
      yield* advance(200);
      assertEquals(system.health().live, true);
    }
    kafka.start();
    yield* until(() => system.health().ready);
    assertEquals(system.renewals[0].renewals, 0);
  })));
