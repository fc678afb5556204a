import { Effect, Exit, Scope } from "effect";
import { TestClock } from "effect/testing";
import { actor } from "../../src/actor.ts";
import { EmbeddedKafka } from "../../src/link/embedded/embedded.ts";
import { never } from "../../src/link/embedded/faults.ts";
import { stop } from "../../src/outcome.ts";
import { assert, assertEquals, assertMatch } from "../assert.ts";
import { committed, ids, Placed, publish, start, until, waited, world } from "./systems.ts";

Deno.test("makeSystem() receives what is published, commits it at the interval, and is ready meanwhile", async () => {
  const kafka = new EmbeddedKafka();
  const seen: string[] = [];
  const clerk = actor({ name: "clerk", receives: [Placed], receive: ({ id }) => void seen.push(id) });
  await world(Effect.gen(function* () {
    const system = yield* start(kafka, [clerk]);
    assertEquals(system.health().ready, false);
    yield* until(() => system.health().ready);
    yield* publish(system, ids(50));
    yield* until(() => seen.length === 50);
    yield* until(() => committed(kafka, "clerk") === 50);
    assertEquals(system.state, "running");
  }));
  assertEquals(seen.sort(), ids(50).sort());
  assertEquals(kafka.members("clerk"), []);
});

Deno.test("makeSystem() commits what is resolved when it ends, before the interval is over", async () => {
  const kafka = new EmbeddedKafka();
  const seen: string[] = [];
  const clerk = actor({ name: "clerk", receives: [Placed], receive: ({ id }) => void seen.push(id) });
  for (const round of [1, 2]) {
    await world(Effect.gen(function* () {
      const system = yield* start(kafka, [clerk], { commitInterval: 3_600_000 });
      if (round === 1) yield* publish(system, ids(20));
      yield* until(() => system.health().ready && seen.length >= 20);
      yield* TestClock.adjust(2_000);
    }));
  }
  assertEquals(seen.length, 20);
});

Deno.test("a system hands partitions over without repeating anything, when another joins and when it leaves", async () => {
  const kafka = new EmbeddedKafka();
  const seen: string[] = [];
  let held = 0;
  const clerk = actor({
    name: "clerk",
    receives: [Placed],
    receive: ({ id }) => Effect.sleep(3).pipe(Effect.map(() => void seen.push(id))),
  });
  await world(Effect.gen(function* () {
    const first = yield* start(kafka, [clerk]);
    yield* until(() => first.health().ready);
    const published = yield* Effect.forkChild(
      Effect.forEach(ids(400), (id) => Effect.andThen(first.publish(Placed, { id }), Effect.sleep(4))),
    );
    yield* until(() => seen.length > 50);
    const scope = Scope.makeUnsafe();
    const second = yield* Scope.provide(start(kafka, [clerk]), scope);
    yield* until(() => second.consumers[0].partitions.length === 2);
    held = first.consumers[0].partitions.length;
    yield* until(() => seen.length > 200);
    yield* waited(Scope.close(scope, Exit.void));
    assertEquals(second.state, "stopped");
    yield* until(() => first.consumers[0].partitions.length === 4);
    yield* until(() => published.pollUnsafe() !== undefined && seen.length >= 400);
  }));
  assertEquals(held, 2);
  assertEquals(seen.length, 400);
  assertEquals(new Set(seen).size, 400);
});

Deno.test("a system that is past its drain time-out names what was left, and leaves it to the next", async () => {
  const kafka = new EmbeddedKafka();
  let stuck = true;
  let signal: AbortSignal | undefined;
  const seen: string[] = [];
  const clerk = actor({
    name: "clerk",
    receives: [Placed],
    receive: ({ id }, context) => {
      signal ??= context.signal;
      if (stuck && id === "o-3") return new Promise<void>(() => {});
      seen.push(id);
    },
  });
  await world(Effect.gen(function* () {
    const system = yield* start(kafka, [clerk]);
    yield* until(() => system.health().ready);
    yield* publish(system, ids(20));
    yield* until(() => seen.length === 19);
    const report = yield* waited(system.drain);
    assert(Exit.isSuccess(report));
    assertEquals(report.value.unfinished.length, 1);
    assertMatch(report.value.unfinished[0], /^clerk on orders\/\d@\d+/);
    assert(report.value.elapsed >= 1_000, `${report.value.elapsed} ms`);
  }));
  assert(signal?.aborted !== undefined);
  stuck = false;
  await world(Effect.gen(function* () {
    yield* start(kafka, [clerk]);
    yield* until(() => seen.includes("o-3"));
  }));
  assertEquals(seen.length, new Set(seen).size); // the offset map keeps the rest from being repeated
});

Deno.test("a system that an actor stops drains, fails with the reason, and is not alive any more", async () => {
  const kafka = new EmbeddedKafka();
  const log: string[] = [];
  const seen: string[] = [];
  const clerk = actor({
    name: "clerk",
    receives: [Placed],
    receive: ({ id }) => id === "o-2" ? stop("the disk is full") : void seen.push(id),
  });
  await world(
    Effect.gen(function* () {
      const system = yield* start(kafka, [clerk]);
      yield* until(() => system.health().ready);
      yield* publish(system, ids(2));
      yield* until(() => seen.length === 2);
      yield* publish(system, ["o-2"]);
      const ended = yield* waited(system.ended);
      assert(Exit.isFailure(ended));
      assertEquals([system.state, system.health().live], ["failed", false]);
    }),
    log,
  );
  assertEquals(log.filter((line) => /the system ends: clerk on orders\/\d@\d+: the disk is full/.test(line)).length, 1);
  const open = [0, 1, 2, 3].filter((n) => {
    return (kafka.committed("clerk", "orders", n)?.offset ?? 0) < (kafka.log("orders", n)?.endOffset ?? 0);
  });
  assertEquals(open.length, 1, "only the message that stopped it is left");
});

Deno.test("a system whose broker is away is not ready, and goes on by itself", async () => {
  const kafka = new EmbeddedKafka();
  const seen: string[] = [];
  const log: string[] = [];
  const clerk = actor({ name: "clerk", receives: [Placed], receive: ({ id }) => void seen.push(id) });
  await world(
    Effect.gen(function* () {
      kafka.stop();
      const system = yield* start(kafka, [clerk]);
      yield* TestClock.adjust(1_000);
      assertEquals(system.health().reasons, ["no broker answers"]);
      assertEquals(system.health().live, true);
      kafka.start();
      yield* until(() => system.health().ready);
      yield* publish(system, ids(5));
      yield* until(() => seen.length === 5);
      kafka.stop();
      yield* until(() => !system.health().ready);
      const late = yield* Effect.forkChild(system.publish(Placed, { id: "late" }));
      yield* TestClock.adjust(25_000);
      kafka.start();
      yield* until(() => late.pollUnsafe() !== undefined && seen.includes("late"));
      assertEquals(system.health().ready, true);
    }),
    log,
  );
  const told = log.filter((line) => line.startsWith("no broker answers"));
  assert(told.length >= 2 && told.length <= 5, told.join("\n"));
  assertEquals(seen.length, 6);
});

Deno.test("a system that starts from the latest offset does not lose what comes while it is restarted", async () => {
  const kafka = new EmbeddedKafka();
  const seen: string[] = [];
  const settings = { name: "clerk", startFrom: "latest" } as const;
  const clerk = actor({ ...settings, receives: [Placed], receive: ({ id }) => void seen.push(id) });
  await world(Effect.gen(function* () {
    const old = yield* start(kafka, []);
    yield* until(() => old.health().ready);
    yield* publish(old, ids(5, "old"));
    const scope = Scope.makeUnsafe();
    const first = yield* Scope.provide(start(kafka, [clerk], { commitInterval: 3_600_000 }), scope);
    yield* until(() => first.consumers[0].partitions.length === 4);
    yield* TestClock.adjust(100);
    assertEquals([0, 1, 2, 3].every((n) => kafka.committed("clerk", "orders", n) !== undefined), true);
    yield* waited(Scope.close(scope, Exit.void));
    yield* publish(old, ids(5, "new"));
    yield* start(kafka, [clerk]);
    yield* until(() => seen.length === 5);
  }));
  assertEquals(seen.sort(), ids(5, "new"));
});

Deno.test("a system that can't reach its coordinator any more still ends", async () => {
  const kafka = new EmbeddedKafka();
  const clerk = actor({ name: "clerk", receives: [Placed], receive: () => {} });
  await world(Effect.gen(function* () {
    const system = yield* start(kafka, [clerk]);
    yield* until(() => system.health().ready);
    kafka.intercept = () => never;
    const report = yield* waited(system.drain);
    assert(Exit.isSuccess(report) && report.value.elapsed < 15_000, JSON.stringify(report));
  }));
});
