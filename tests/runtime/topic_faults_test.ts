/** Topics that are deleted, created again, grown or trimmed under a running system, in virtual time. */
import { Effect, Scope } from "effect";
import { actor, type ActorDefinition } from "../../src/actor.ts";
import { event } from "../../src/event.ts";
import { EmbeddedKafka } from "../../src/link/embedded/embedded.ts";
import type { Connection } from "../../src/link/link.ts";
import { systemMetrics } from "../../src/runtime/system_metrics.ts";
import type { System } from "../../src/runtime/system.ts";
import { assert, assertEquals, assertMatch } from "../assert.ts";
import { advance } from "../client/virtual.ts";
import { committed, ids, Placed, publish, start, until, waited, world } from "./systems.ts";

const topics = ["orders"];
const lines = (log: ReadonlyArray<string>, pattern: RegExp) => log.filter((line) => pattern.test(line));

/** The topic's administrator. */
const administrator = (kafka: EmbeddedKafka) =>
  Effect.gen(function* () {
    const link = yield* kafka.open;
    const connection: Connection = yield* link.connect(link.bootstrap[0], "admin");
    const timeoutMs = 1_000;
    return {
      delete: connection.call("DeleteTopics", { timeoutMs, topics }),
      create: (numPartitions: number, name = "orders") =>
        connection.call("CreateTopics", {
          timeoutMs,
          validateOnly: false,
          topics: [{ name, numPartitions, replicationFactor: -1, configs: {} }],
        }),
      grow: (count: number) =>
        connection.call("CreatePartitions", { timeoutMs, validateOnly: false, topics: [{ name: "orders", count }] }),
      trim: (partition: number, offset: number) =>
        connection.call("DeleteRecords", {
          timeoutMs,
          topics: [{ name: "orders", partitions: [{ partition, offset }] }],
        }),
    };
  });

type Administrator = Effect.Success<ReturnType<typeof administrator>>;

/** A system of one actor on a topic of four partitions, with 40 records handled and committed. */
function settled(
  clerk: ActorDefinition,
  seen: string[],
  body: (system: System, admin: Administrator, kafka: EmbeddedKafka) => Effect.Effect<void, unknown, Scope.Scope>,
  log: string[] = [],
): Promise<void> {
  const kafka = new EmbeddedKafka();
  return world(
    Effect.gen(function* () {
      const system = yield* start(kafka, [clerk]);
      yield* until(() => system.health().ready);
      yield* publish(system, ids(40, "old"));
      yield* until(() => seen.length === 40 && committed(kafka, "clerk") === 40);
      yield* body(system, yield* administrator(kafka), kafka);
    }),
    log,
  );
}

function clerkOf(
  seen: string[],
  more: { readonly startFrom?: "latest"; readonly outOfRange?: "earliest" | "latest" } = {},
) {
  return actor({ name: "clerk", ...more, receives: [Placed], receive: ({ id }) => void seen.push(id) });
}

const fresh = (seen: ReadonlyArray<string>) => seen.filter((id) => id.startsWith("new")).sort();

const again = { earliest: [[10, 4], [40, 4], [400, 4], [400, 2], [40, 6]], latest: [[400, 4], [40, 6]] } as const;
for (const startFrom of ["earliest", "latest"] as const) {
  for (const [size, partitions] of again[startFrom]) {
    Deno.test(`all ${size} records of a topic created again with ${partitions} partitions are handled (${startFrom})`, async () => {
      const seen: string[] = [];
      const log: string[] = [];
      const clerk = clerkOf(seen, startFrom === "latest" ? { startFrom } : {});
      const kafka = new EmbeddedKafka();
      await world(
        Effect.gen(function* () {
          const system = yield* start(kafka, [clerk]);
          yield* until(() => system.health().ready && system.consumers[0].partitions.length === 4);
          yield* until(() =>
            [0, 1, 2, 3].every((n) => startFrom === "earliest" || kafka.committed("clerk", "orders", n))
          );
          yield* publish(system, ids(40, "old"));
          yield* until(() => seen.length === 40 && committed(kafka, "clerk") === 40);
          const admin = yield* administrator(kafka);
          yield* admin.delete;
          yield* admin.create(partitions);
          yield* publish(system, ids(size, "new"));
          const some = [...Array(Math.min(4, partitions)).keys()];
          const early = () => some.reduce((sum, n) => sum + (kafka.log("orders", n)?.endOffset ?? 0), 0);
          yield* until(() => fresh(seen).length >= early());
          // The group looks for new partitions twice a minute.
          for (let s = 0; s < 70 && system.consumers[0].partitions.length !== partitions; s++) {
            yield* advance(1_000, 250);
          }
          yield* advance(2_500, 100);
          assertEquals(fresh(seen), ids(size, "new").sort(), "once each");
          const stored = [...Array(partitions).keys()].map((n) => kafka.log("orders", n)?.endOffset ?? 0);
          assertEquals(stored.reduce((sum, end) => sum + end), size);
          assertEquals(stored.map((_, n) => kafka.committed("clerk", "orders", n)?.offset), stored);
          assertEquals(system.health().status, "ok");
        }),
        log,
      );
      assertEquals(lines(log, /orders was deleted and created again/).length, 1);
      assertEquals(lines(log, /restarts in|died|failed/), []);
    });
  }
}

Deno.test("what is in flight when its topic is created again is finished and its position is committed nowhere", () => {
  const seen: string[] = [];
  let release = () => {};
  const held = new Promise<void>((resolve) => release = resolve);
  const clerk = actor({
    name: "clerk",
    receives: [Placed],
    receive: async ({ id }) => {
      if (id.startsWith("slow")) await held;
      seen.push(id);
    },
  });
  return settled(clerk, seen, (system, admin, kafka) =>
    Effect.gen(function* () {
      yield* publish(system, ids(8, "slow"));
      yield* until(() => system.consumers[0].partitions.reduce((sum, { mailbox }) => sum + mailbox.records, 0) === 8);
      yield* admin.delete;
      yield* admin.create(4);
      yield* advance(1_500, 10);
      release();
      yield* until(() => seen.filter((id) => id.startsWith("slow")).length === 8);
      yield* publish(system, ids(400, "new"));
      yield* until(() => fresh(seen).length === 400);
      yield* until(() => committed(kafka, "clerk") === 400);
    }));
});

Deno.test("an offset committed in the old topic after it was created again is not taken for one in the new", () => {
  const seen: string[] = [];
  const log: string[] = [];
  return settled(clerkOf(seen), seen, (system, admin, kafka) =>
    Effect.gen(function* () {
      const stale = [0, 1, 2, 3].map((n) => kafka.committed("clerk", "orders", n));
      const scope = Scope.makeUnsafe();
      const other = yield* Scope.provide(start(kafka, []), scope);
      yield* waited(system.drain);
      yield* admin.delete;
      yield* admin.create(4);
      const link = yield* kafka.open;
      const coordinator = yield* link.connect(link.bootstrap[0], "offsets");
      yield* coordinator.call("OffsetCommit", {
        groupId: "clerk",
        generationId: -1,
        memberId: "",
        groupInstanceId: null,
        topics: [{
          name: "orders",
          partitions: stale.map((one, partition) => ({
            partition,
            committedOffset: one?.offset ?? 0,
            committedMetadata: one?.metadata ?? "",
          })),
        }],
      });
      yield* publish(other, ids(400, "new"));
      yield* start(kafka, [clerkOf(seen)]);
      yield* until(() => fresh(seen).length === 400);
      assertEquals(lines(log, /clerk has committed \d+ in a topic of this name that was deleted/).length, 4);
      yield* waited(Scope.close(scope, yield* Effect.exit(Effect.void)));
    }), log);
});

Deno.test("a topic that is deleted is waited for: one line, health says so, nothing spins; then it goes on", () => {
  const seen: string[] = [];
  const log: string[] = [];
  return settled(clerkOf(seen), seen, (system, admin, kafka) =>
    Effect.gen(function* () {
      yield* admin.delete;
      yield* until(() => system.health().status === "degraded");
      assertEquals(system.health().reasons, ["the topic orders does not exist any more, its actors wait"]);
      let asked = 0;
      kafka.intercept = ({ api }) => {
        if (api !== "Heartbeat") asked++;
        return null;
      };
      yield* advance(60_000, 50);
      assert(asked < 200, `${asked} requests in a minute`);
      kafka.intercept = null;
      assertEquals(lines(log, /orders/).length, 1, log.join("\n"));
      assertEquals(system.state, "running");
      yield* admin.create(4);
      yield* publish(system, ids(100, "new"));
      yield* until(() => fresh(seen).length === 100);
      assertEquals(system.health().status, "ok");
    }), log);
});

Deno.test("what is published while the topic is away stands in the one that is created again, once", () => {
  const seen: string[] = [];
  return settled(clerkOf(seen), seen, (system, admin, kafka) =>
    Effect.gen(function* () {
      yield* admin.delete;
      const published = yield* Effect.forkChild(publish(system, ids(100, "new")));
      yield* advance(5_000, 20);
      assertEquals(published.pollUnsafe(), undefined);
      yield* admin.create(2);
      yield* until(() => published.pollUnsafe() !== undefined);
      yield* until(() => fresh(seen).length >= 100);
      assertEquals(fresh(seen), ids(100, "new").sort());
      assertEquals([0, 1].reduce((sum, n) => sum + (kafka.log("orders", n)?.endOffset ?? 0), 0), 100);
    }));
});

Deno.test("startFrom latest: partitions that are added later are received from their beginning, also by another member", () => {
  const seen: string[] = [];
  const log: string[] = [];
  const kafka = new EmbeddedKafka();
  const clerk = clerkOf(seen, { startFrom: "latest" });
  return world(
    Effect.gen(function* () {
      const first = yield* start(kafka, [clerk]);
      yield* until(() => first.health().ready && [0, 1, 2, 3].every((n) => kafka.committed("clerk", "orders", n)));
      yield* waited(first.drain);
      const publisher = yield* start(kafka, []);
      yield* until(() => publisher.health().ready);
      const admin = yield* administrator(kafka);
      yield* admin.grow(8);
      yield* publisher.cluster.refresh(topics);
      yield* publish(publisher, ids(80, "new"));
      yield* start(kafka, [clerk]);
      yield* until(() => seen.length >= 80);
      assertEquals(fresh(seen), ids(80, "new").sort());
      assertEquals(lines(log, /added after the group began/).length, 1);
      assertEquals(lines(log, /orders has grown from 4 to 8 partitions: keys move/).length >= 1, true);
    }),
    log,
  );
});

Deno.test("startFrom latest: members that begin together all begin at the end", () => {
  const seen: string[] = [];
  const kafka = new EmbeddedKafka();
  const clerk = clerkOf(seen, { startFrom: "latest" });
  return world(Effect.gen(function* () {
    const publisher = yield* start(kafka, []);
    yield* until(() => publisher.health().ready);
    yield* publish(publisher, ids(40, "old"));
    const both = [yield* start(kafka, [clerk]), yield* start(kafka, [clerk])];
    yield* until(() => both.every(({ consumers: [one] }) => one.partitions.length === 2));
    yield* advance(1_500, 50);
    yield* publish(publisher, ids(40, "new"));
    yield* until(() => seen.length >= 40);
    assertEquals(seen.sort(), ids(40, "new").sort());
  }));
});

for (const outOfRange of ["earliest", "latest"] as const) {
  Deno.test(`records deleted below the position are told of, counted, and the new position is committed (${outOfRange})`, () => {
    const seen: string[] = [];
    const log: string[] = [];
    const clerk = clerkOf(seen, { outOfRange });
    return settled(clerk, seen, (system, admin, kafka) =>
      Effect.gen(function* () {
        yield* waited(system.drain);
        const publisher = yield* start(kafka, []);
        yield* publish(publisher, ids(80, "new"));
        const end = kafka.log("orders", 0)?.endOffset ?? 0;
        const before = kafka.committed("clerk", "orders", 0)?.offset ?? 0;
        const cut = end - 1;
        yield* admin.trim(0, cut);
        const again = yield* start(kafka, [clerk]);
        const to = outOfRange === "earliest" ? cut : end;
        yield* until(() => kafka.committed("clerk", "orders", 0)?.offset === end);
        const told = lines(log, /orders\/0: position/);
        assertEquals(told.length, 1);
        assertMatch(
          told[0],
          new RegExp(`position ${before} .* at ${to} .*${before} to ${to - 1} are skipped, ${to - before} `),
        );
        const figures = { startedAt: 0, residentBytes: 0, heapBytes: 0 };
        assertMatch(systemMetrics(again, figures), /troupe_position_resets_total\{actor="clerk"\} 1\n/);
      }), log);
  });
}

Deno.test("fail: records deleted below the position end the system with a reason that says what to do", () => {
  const seen: string[] = [];
  return settled(clerkOf(seen), seen, (system, admin, kafka) =>
    Effect.gen(function* () {
      yield* waited(system.drain);
      const publisher = yield* start(kafka, []);
      yield* publish(publisher, ids(80, "new"));
      yield* admin.trim(0, kafka.log("orders", 0)?.endOffset ?? 0);
      const again = yield* start(kafka, [clerkOf(seen)]);
      const ended = yield* waited(Effect.flip(again.ended));
      assert(ended._tag === "Success");
      assertMatch(String(ended.value), /orders\/0@\d+.*set outOfRange to "earliest" or "latest" to go on/);
      assertEquals(again.state, "failed");
    }));
});

Deno.test("a position beyond the log's end goes back to what the log has, and so does the commit", () => {
  const seen: string[] = [];
  const log: string[] = [];
  const kafka = new EmbeddedKafka();
  return world(
    Effect.gen(function* () {
      const publisher = yield* start(kafka, []);
      yield* until(() => publisher.health().ready);
      yield* publish(publisher, ids(80, "new"));
      const link = yield* kafka.open;
      const coordinator = yield* link.connect(link.bootstrap[0], "offsets");
      yield* coordinator.call("OffsetCommit", {
        groupId: "clerk",
        generationId: -1,
        memberId: "",
        groupInstanceId: null,
        topics: [{ name: "orders", partitions: [{ partition: 0, committedOffset: 1_000, committedMetadata: "" }] }],
      });
      const system = yield* start(kafka, [clerkOf(seen, { outOfRange: "earliest" })]);
      yield* until(() => seen.length >= 80);
      yield* until(() => committed(kafka, "clerk") === 80);
      assertEquals(fresh(seen), ids(80, "new").sort());
      assertEquals(lines(log, /orders\/0: position 1000 .* at 0 \(earliest\): the log ends before/).length, 1);
      assertEquals(system.counters.get("clerk")?.positionResets, 1);
    }),
    log,
  );
});

Deno.test("a partition without a leader does not keep the others of a new group from beginning", () => {
  const seen: string[] = [];
  const kafka = new EmbeddedKafka();
  return world(Effect.gen(function* () {
    const publisher = yield* start(kafka, []);
    yield* until(() => publisher.health().ready);
    yield* publish(publisher, ids(40));
    let leaderless = true;
    const link = yield* kafka.open;
    const headless = {
      open: Effect.succeed({
        ...link,
        connect: (...at: Parameters<typeof link.connect>) =>
          Effect.map(link.connect(...at), (connection): Connection => ({
            ...connection,
            call: (api, request, timeout) =>
              Effect.map(connection.call(api, request, timeout), (answer) => {
                if (api !== "Metadata" || !leaderless) return answer;
                const { topics } = (answer as unknown) as {
                  topics: Array<{ partitions: Array<{ partition: number; leader: number }> }>;
                };
                for (const { partitions } of topics) {
                  partitions.forEach((one, i) => partitions[i] = one.partition === 2 ? { ...one, leader: -1 } : one);
                }
                return answer;
              }),
          })),
      }),
    };
    const system = yield* start(headless, [clerkOf(seen)]);
    const all = kafka.log("orders", 2)?.endOffset ?? 0;
    yield* until(() => seen.length === 40 - all);
    assertEquals(system.consumers[0].partitions.map(({ partition }) => partition).sort(), [0, 1, 3]);
    leaderless = false;
    yield* until(() => seen.length === 40);
  }));
});

Deno.test("an actor that publishes to a topic nobody has created waits for it, is not restarted, and health says so", () => {
  const Stray = event({ name: "Stray", topic: "nowhere" });
  let calls = 0;
  const clerk = actor({
    name: "clerk",
    receives: [Placed],
    receive: (_placed, context) => {
      calls++;
      context.publish(Stray, new Uint8Array([1]));
    },
  });
  const kafka = new EmbeddedKafka();
  const log: string[] = [];
  return world(
    Effect.gen(function* () {
      const system = yield* start(kafka, [clerk], { producer: { deliveryTimeout: 10_000 } });
      yield* until(() => system.health().ready);
      yield* publish(system, ids(5));
      yield* advance(60_000, 100);
      assertEquals([calls, system.counters.get("clerk")?.restarts], [5, 0]);
      assertEquals(system.health().reasons, ["the topic nowhere does not exist, records wait for it"]);
      assertEquals(lines(log, /publish to nowhere: there is no such topic/).length, 1);
      const admin = yield* administrator(kafka);
      yield* admin.create(1, "nowhere");
      yield* until(() => committed(kafka, "clerk") === 5);
      assertEquals([calls, kafka.log("nowhere", 0)?.endOffset, system.health().status], [5, 5, "ok"]);
    }),
    log,
  );
});
