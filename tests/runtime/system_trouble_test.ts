import { Effect, Exit, Fiber, Scope } from "effect";
import { TestClock } from "effect/testing";
import { actor } from "../../src/actor.ts";
import type { ConfigError } from "../../src/errors.ts";
import { EmbeddedKafka } from "../../src/link/embedded/embedded.ts";
import { error } from "../../src/link/embedded/faults.ts";
import { ErrorCode } from "../../src/link/error_code.ts";
import type { Connection, Link } from "../../src/link/link.ts";
import type { ApiName } from "../../src/link/protocol.ts";
import { assert, assertEquals, assertMatch, assertStringIncludes } from "../assert.ts";
import { committed, ids, Placed, publish, start, until, waited, world } from "./systems.ts";

const idle = actor({ name: "clerk", receives: [Placed], receive: () => {} });

/** A way to a Kafka that dies of a bug in requests of this kind while it is armed. */
class Buggy {
  armed = false;
  readonly open: Effect.Effect<Link, ConfigError, Scope.Scope>;

  constructor(kafka: EmbeddedKafka, api: ApiName) {
    const spoilt = (connection: Connection): Connection => ({
      address: connection.address,
      isOpen: () => connection.isOpen(),
      close: connection.close,
      call: (name, request, timeout) =>
        this.armed && name === api ? Effect.die(new Error("a bug of ours")) : connection.call(name, request, timeout),
    });
    this.open = Effect.map(kafka.open, (link) => ({
      ...link,
      connect: (address, role) => Effect.map(link.connect(address, role), spoilt),
    }));
  }
}

for (const api of ["Heartbeat", "OffsetCommit", "OffsetFetch"] as const) {
  Deno.test(`a system ends with the reason when its consumer dies of a bug in ${api}`, async () => {
    const kafka = new EmbeddedKafka();
    const bug = new Buggy(kafka, api);
    await world(Effect.gen(function* () {
      // Offsets are asked for on the way to being ready; the others are for later.
      bug.armed = api === "OffsetFetch";
      const system = yield* start(bug, [idle]);
      if (!bug.armed) {
        yield* until(() => system.health().ready);
        yield* publish(system, ids(4));
        bug.armed = true;
      }
      const ended = yield* waited(Effect.flip(system.ended));
      assert(Exit.isSuccess(ended));
      assertStringIncludes(ended.value.message, "a bug of ours");
      assertEquals([system.state, system.health().live], ["failed", false]);
    }));
  });
}

Deno.test("a system that dies of a bug while it creates its topics ends with the reason", async () => {
  const kafka = new EmbeddedKafka();
  const bug = new Buggy(kafka, "CreateTopics");
  bug.armed = true;
  await world(Effect.gen(function* () {
    const system = yield* start(bug, [idle]);
    const ended = yield* waited(Effect.flip(system.ended));
    assert(Exit.isSuccess(ended));
    assertStringIncludes(ended.value.message, "a bug of ours");
  }));
});

Deno.test("what a rebalance cut short is no part of a later drain's report", async () => {
  const kafka = new EmbeddedKafka();
  const bell = Promise.withResolvers<void>();
  const clerk = actor({ name: "clerk", receives: [Placed], receive: () => bell.promise });
  await world(Effect.gen(function* () {
    const first = yield* start(kafka, [clerk]);
    yield* until(() => first.health().ready);
    yield* publish(first, ids(20));
    const second = yield* start(kafka, [clerk]);
    yield* until(() => second.consumers[0].partitions.length === 2);
    bell.resolve();
    yield* until(() => committed(kafka, "clerk") === 20);
    const report = yield* waited(first.drain);
    assert(Exit.isSuccess(report));
    assertEquals(report.value.unfinished, []);
  }));
});

Deno.test("a system that waits to hear where its partitions begin ends all the same, cleanly", async () => {
  for (const api of ["OffsetFetch", "ListOffsets"]) {
    const kafka = new EmbeddedKafka();
    await world(Effect.gen(function* () {
      kafka.intercept = (request) =>
        request.api !== api ? null : error(
          api === "OffsetFetch" ? ErrorCode.COORDINATOR_LOAD_IN_PROGRESS : ErrorCode.LEADER_NOT_AVAILABLE,
        );
      const system = yield* start(kafka, [idle]);
      yield* until(() => system.health().ready);
      yield* TestClock.adjust(1_000);
      const report = yield* waited(system.drain);
      assert(Exit.isSuccess(report));
      assertEquals(report.value.unfinished, []);
      assert(report.value.elapsed < 1_000, `${report.value.elapsed} ms`);
    }));
    assertEquals(kafka.members("clerk"), []);
  }
});

Deno.test("a full sender takes records in the order in which they were published", async () => {
  const kafka = new EmbeddedKafka();
  const offsets: number[] = [];
  let waited = 0;
  await world(Effect.gen(function* () {
    const system = yield* start(kafka, [], { producer: { memoryBytes: 2_000 } });
    const scope = yield* Effect.scope;
    yield* until(() => system.health().ready);
    let count = 0;
    const publish = (partition: number, settled: (offset: number) => void) => {
      const record = { topic: "orders", partition, key: null, value: "".padEnd(500) };
      const rest = system.accept(record, (_, { offset }) => settled(offset));
      if (rest === null) return;
      waited++;
      Effect.runSync(Effect.forkIn(rest, scope));
    };
    const next = () => {
      const n = count++;
      publish(0, (offset) => offsets[n] = offset);
    };
    for (let i = 0; i < 50; i++) {
      publish(1, next); // published from within a callback: others wait by then
      next();
    }
    yield* until(() => count === 100 && offsets.filter((offset) => offset !== undefined).length === 100);
  }));
  assert(waited > 50, "the sender was never full");
  assertEquals(offsets, Array.from({ length: 100 }, (_, n) => n));
});

Deno.test("a drain whose caller is interrupted goes on for the others", async () => {
  const kafka = new EmbeddedKafka();
  const bell = Promise.withResolvers<void>();
  const clerk = actor({ name: "clerk", receives: [Placed], receive: () => bell.promise });
  await world(Effect.gen(function* () {
    const system = yield* start(kafka, [clerk]);
    yield* until(() => system.health().ready);
    yield* publish(system, ids(4));
    const first = yield* Effect.forkChild(system.drain);
    yield* TestClock.adjust(10);
    yield* Fiber.interrupt(first);
    bell.resolve();
    const report = yield* waited(system.drain);
    assert(Exit.isSuccess(report));
    assertEquals(report.value.unfinished, []);
  }));
  assertEquals(committed(kafka, "clerk"), 4);
});

Deno.test("what a service still publishes during the drain is acknowledged, and is not called unfinished", async () => {
  const kafka = new EmbeddedKafka();
  const errors: string[] = [];
  let count = 0;
  let told = 0;
  await world(Effect.gen(function* () {
    const scope = Scope.makeUnsafe();
    const system = yield* Scope.provide(start(kafka, [idle]), scope);
    yield* until(() => system.health().ready);
    const publishing = yield* Effect.forkChild(Effect.forever(Effect.suspend(() => {
      count++;
      system.accept({ topic: "orders", partition: 0, key: null, value: "{}" }, (error) => {
        told++;
        if (error !== null) errors.push(error.type);
      });
      return Effect.sleep(1);
    })));
    const report = yield* waited(system.drain);
    assert(Exit.isSuccess(report));
    assertEquals(report.value.unfinished, []);
    yield* Fiber.interrupt(publishing);
    assert(told < count, "nothing was under way");
    yield* waited(Scope.close(scope, Exit.void));
  }));
  assertEquals([told, errors], [count, []]);
});

Deno.test("a system is ready once its partitions have begun, and degraded when some can't", async () => {
  const kafka = new EmbeddedKafka();
  let away = true;
  kafka.intercept = ({ api }) => away && api === "ListOffsets" ? error(ErrorCode.LEADER_NOT_AVAILABLE) : null;
  await world(Effect.gen(function* () {
    const system = yield* start(kafka, [idle]);
    yield* until(() => kafka.members("clerk").length === 1);
    yield* TestClock.adjust(1_000);
    const { ready, reasons } = system.health();
    assertEquals([ready, reasons], [false, ["4 partitions of the group clerk are still to begin"]]);
    yield* TestClock.adjust(6_000);
    assertEquals([system.health().ready, system.health().status], [true, "degraded"]);
    assertMatch(system.health().reasons[0], /^4 partitions can't begin/);
    away = false;
    yield* until(() => system.health().status === "ok");
    assertEquals(system.consumers[0].partitions.length, 4);
  }));
});
for (const groupProtocol of ["classic", "consumer"] as const) {
  Deno.test(`at the moment a system is ready all of its partitions have begun (${groupProtocol})`, async () => {
    const kafka = new EmbeddedKafka();
    await world(Effect.gen(function* () {
      const system = yield* start(kafka, [idle], { groupProtocol });
      // Whatever is done in between: a look at every turn.
      for (let turns = 0; !system.health().ready; turns++) {
        assert(turns < 20_000);
        yield* turns % 20 === 0 ? TestClock.adjust(1) : Effect.yieldNow;
      }
      assertEquals(system.consumers[0].partitions.length, 4);
    }));
  });
}
