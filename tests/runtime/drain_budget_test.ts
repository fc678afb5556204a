/** What is in flight when a partition moves has as long as its handlers were measured to take. In virtual time. */
import { Effect } from "effect";
import { actor, type ActorDefinition } from "../../src/actor.ts";
import { EmbeddedKafka } from "../../src/link/embedded/embedded.ts";
import { extraDrain, tooShort } from "../../src/runtime/drain_budget.ts";
import type { SystemSettingsInput } from "../../src/runtime/settings.ts";
import { systemMetrics } from "../../src/runtime/system_metrics.ts";
import type { System } from "../../src/runtime/system.ts";
import { assert, assertEquals, assertMatch, assertStringIncludes } from "../assert.ts";
import { advance } from "../client/virtual.ts";
import { SilentLink } from "../watchdog/silent_link.ts";
import { committed, Placed, start, until, waited, world } from "./systems.ts";

const times = { drainTimeout: 20_000, rebalanceTimeout: 60_000 };

Deno.test("extraDrain() is nothing where drainTimeout is enough, else half as much again, up to the rebalance time-out's rest", () => {
  const given = (slowest: ReadonlyArray<number>) => extraDrain(times, slowest);
  assertEquals([given([]), given([0, 12_000]), given([5, 20_000]), given([3_600_000])], [0, 0, 11_000, 30_000]);
  assertEquals(extraDrain({ drainTimeout: 20_000, rebalanceTimeout: 20_001 }, [40_000]), 0);
});

Deno.test("tooShort() names what to set, and the rebalance time-out only where that is too short as well", () => {
  assertEquals(tooShort(times, 20_000), null);
  assertMatch(
    tooShort(times, 40_000) ?? "",
    /20000 ms \(drainTimeout\) when the system stops; .* drainTimeout to 40000 or more/,
  );
  assertMatch(
    tooShort(times, 55_000) ?? "",
    /and 50000 ms .* set drainTimeout to 55000 and rebalanceTimeout to 65000 or/,
  );
});

/** A receive takes 3 s, a drain 1 s; a partition that moves may have 5 s. */
const slow: SystemSettingsInput = {
  partitions: 2,
  sessionTimeout: 3_000,
  drainTimeout: 1_000,
  rebalanceTimeout: 15_000,
  commitInterval: 100,
};

/** Who was begun, and ended, in order. */
function slowClerk(begun: string[], done: string[] = []): ActorDefinition {
  return actor({
    name: "clerk",
    receives: [Placed],
    concurrency: 1,
    receive: ({ id }) => {
      begun.push(id);
      return Effect.andThen(Effect.sleep(3_000), Effect.sync(() => void done.push(id)));
    },
  });
}

const post = (system: System, ids: ReadonlyArray<string>) =>
  waited(
    Effect.forEach(ids, (id, i) => system.publish(Placed, { id }, { partition: i % 2 }), { concurrency: "unbounded" }),
  );
const figures = { startedAt: 0, residentBytes: 0, heapBytes: 0 };
const clerk = (system: System) => system.counters.get("clerk")!;

Deno.test("a partition that moves finishes what its handlers were measured to need, beyond drainTimeout: nothing twice", () => {
  const log: string[] = [];
  return world(
    Effect.gen(function* () {
      const kafka = new EmbeddedKafka();
      const [begun, done, others]: string[][] = [[], [], []];
      const first = yield* start(kafka, [slowClerk(begun, done)], slow);
      yield* post(first, ["a-0", "b-0", "a-1", "b-1", "a-2", "b-2"]);
      yield* until(() => begun.length === 4, 25);
      const second = yield* start(kafka, [slowClerk(others)], slow);
      yield* until(() => second.consumers[0].partitions.length === 1 && others.length === 1, 25);
      // The one that went was at work for 3 s when the other joined, and ended.
      assertEquals([done.length >= 3, clerk(first).cutShort], [true, 0]);
      yield* until(() => committed(kafka, "clerk") === 6, 25);
      assertEquals([...begun, ...others].toSorted(), ["a-0", "a-1", "a-2", "b-0", "b-1", "b-2"]);
      assert(first.renewals[0].handOvers.longest > 1_500, `${first.renewals[0].handOvers.longest}`);
      assertEquals(first.renewals[0].handOvers.count, 1);
      const lines = log.filter((line) => line.startsWith("clerk: a receive took"));
      assertMatch(
        lines[0],
        /^clerk: a receive took 3\d\d\d ms, but has only 1000 ms \(drainTimeout\) when the system stops/,
      );
      assert(new Set(lines).size <= 2, lines.join("\n")); // once a system
    }),
    log,
  );
});

Deno.test("a record whose handler nobody has measured is cut short after drainTimeout, counted, and received by the next owner", () =>
  world(Effect.gen(function* () {
    const kafka = new EmbeddedKafka();
    const [begun, others]: string[][] = [[], []];
    const first = yield* start(kafka, [slowClerk(begun)], slow);
    yield* post(first, ["a-0", "b-0"]);
    yield* until(() => begun.length === 2);
    const second = yield* start(kafka, [slowClerk(others)], slow);
    yield* until(() => others.length === 1, 25);
    assertEquals([clerk(first).cutShort, clerk(first).slowest], [1, 0]);
    assert(begun.includes(others[0]));
    const text = systemMetrics(first, figures);
    assertStringIncludes(text, 'troupe_cut_short_total{actor="clerk"} 1');
    assertStringIncludes(text, 'troupe_hand_overs_total{group="clerk"} 1');
    assertMatch(text, /troupe_longest_hand_over_seconds\{group="clerk"\} 1/);
    assertEquals(clerk(second).cutShort, 0);
  })));

Deno.test("a handler that timed out is no measure of what a drain needs", () =>
  world(Effect.gen(function* () {
    const kafka = new EmbeddedKafka();
    const clerkOf = actor({
      name: "clerk",
      receives: [Placed],
      receiveTimeout: 2_000,
      retry: { times: 0 },
      receive: ({ id }) => id === "never" ? Effect.never : Effect.sleep(10),
    });
    const system = yield* start(kafka, [clerkOf], slow);
    yield* post(system, ["never", "soon"]);
    yield* until(() => committed(kafka, "clerk") === 2, 25);
    assert(clerk(system).slowest < 1_000, `${clerk(system).slowest}`);
  })));

Deno.test("a system that is to stop while a partition moves has drainTimeout from then on, and no more", () =>
  world(Effect.gen(function* () {
    const kafka = new EmbeddedKafka();
    const begun: string[] = [];
    const first = yield* start(kafka, [slowClerk(begun)], slow);
    yield* post(first, ["a-0", "b-0", "a-1", "b-1"]);
    yield* until(() => begun.length === 4, 25);
    yield* start(kafka, [slowClerk([])], slow);
    // One is being let go, and would have 4.5 s beyond its drain.
    yield* until(() => first.consumers[0].partitions.some(({ draining }) => draining), 25);
    const report = yield* Effect.forkChild(first.drain);
    let ms = 0;
    yield* until(() => (ms += 25, report.pollUnsafe() !== undefined), 25);
    assert(ms <= 2_000, `${ms}`);
  })));

Deno.test("records handled whose commit has not come when their partition moves are counted: the next owner repeats them", () =>
  world(Effect.gen(function* () {
    const kafka = new EmbeddedKafka();
    const link = new SilentLink(kafka, "OffsetCommit");
    const [handled, again]: string[][] = [[], []];
    const into = (list: string[]) =>
      actor({ name: "clerk", receives: [Placed], receive: ({ id }) => void list.push(id) });
    const first = yield* start(link, [into(handled)], slow);
    yield* Effect.addFinalizer(() => Effect.sync(() => link.end()));
    yield* until(() => first.health().ready);
    link.armed = true;
    yield* post(first, ["a-0", "b-0", "a-1", "b-1"]);
    yield* until(() => handled.length === 4);
    yield* start(kafka, [into(again)], slow);
    yield* until(() => again.length === 2, 25);
    yield* advance(100);
    assertEquals(clerk(first).handedOverUncommitted, 2);
    assertStringIncludes(systemMetrics(first, figures), 'troupe_handed_over_uncommitted_total{actor="clerk"} 2');
    assert(first.renewals[0].handOvers.longest >= 2_000, `${first.renewals[0].handOvers.longest}`);
  })));
