import { Effect, Exit, Fiber, Schedule, Scope } from "effect";
import { makeCluster } from "../../src/client/cluster/cluster.ts";
import { makeMember, type MemberOptions } from "../../src/client/group/member.ts";
import { makeOffsets } from "../../src/client/offsets/offsets.ts";
import { ErrorCode } from "../../src/link/error_code.ts";
import { makeKafkajsLink } from "../../src/link/kafkajs/kafkajs.ts";
import { partitionKey, type TopicPartition } from "../../src/record.ts";
import { assert, assertEquals } from "../assert.ts";
import { freshName, realKafkaTest } from "../support/kafka_broker.ts";

/** A topic, members of a group that want it, and who holds what. */
const makeWorld = Effect.fnUntraced(function* (brokers: string, partitions: number) {
  const link = yield* makeKafkajsLink({ brokers });
  const cluster = yield* makeCluster(link);
  const topic = freshName("member");
  const admin = yield* cluster.anyConnection("admin");
  const grow = (count: number) =>
    admin.call("CreatePartitions", { timeoutMs: 10_000, validateOnly: false, topics: [{ name: topic, count }] });
  yield* admin.call("CreateTopics", {
    timeoutMs: 10_000,
    validateOnly: false,
    topics: [{ name: topic, numPartitions: partitions, replicationFactor: 1, configs: {} }],
  });
  const groupId = freshName("group");
  const holders = new Map<string, string>();
  const wrong: Array<string> = [];
  const start = Effect.fnUntraced(function* (name: string, options: Partial<MemberOptions> = {}) {
    const scope = yield* Scope.fork(yield* Effect.scope);
    const events: Array<string> = [];
    const release = (kind: string, partitions: ReadonlyArray<TopicPartition>) =>
      Effect.sync(() => {
        events.push(`${kind} ${partitions.length}`);
        for (const { topic, partition } of partitions) holders.delete(partitionKey(topic, partition));
      });
    const member = yield* Scope.provide(
      makeMember(cluster, { groupId, topics: [topic], sessionTimeout: 6_000, heartbeatInterval: 100, ...options }, {
        assigned: (partitions) =>
          Effect.sync(() => {
            events.push(`assigned ${partitions.length}`);
            for (const { topic, partition } of partitions) {
              const key = partitionKey(topic, partition);
              if (holders.has(key)) wrong.push(`${key} to ${name} while ${holders.get(key)} holds it`);
              holders.set(key, name);
            }
          }),
        revoked: (partitions) => Effect.andThen(Effect.sleep(100), release("revoked", partitions)),
        lost: (partitions) => release("lost", partitions),
      }),
      scope,
    );
    const run = yield* Effect.forkIn(member.run, scope);
    const crash = Effect.gen(function* () {
      yield* Fiber.interrupt(run);
      yield* Scope.close(scope, Exit.void);
      for (const [key, holder] of [...holders]) if (holder === name) holders.delete(key);
    });
    return { member, events, run, crash };
  });
  /** Waits until these members hold so many partitions each. */
  const until = (expected: Record<string, number>) =>
    Effect.suspend(() => {
      const loads = Object.fromEntries(Object.keys(expected).map((name) => [name, 0]));
      for (const holder of holders.values()) loads[holder]++;
      const same = JSON.stringify(loads) === JSON.stringify(expected);
      return same ? Effect.void : Effect.fail(new Error(`${JSON.stringify(loads)}, not ${JSON.stringify(expected)}`));
    }).pipe(
      Effect.retry({ schedule: Schedule.spaced(20), times: 1_000 }),
      Effect.andThen(Effect.sync(() => assertEquals(wrong, []))),
    );
  return { cluster, topic, groupId, grow, holders, start, until };
});

realKafkaTest(
  "members hand partitions over as they come, leave and die",
  (brokers) =>
    Effect.runPromise(Effect.scoped(Effect.gen(function* () {
      const { grow, start, until } = yield* makeWorld(brokers, 8);
      const a = yield* start("a", { metadataMaxAge: 500 });
      yield* until({ a: 8 });
      const b = yield* start("b");
      yield* until({ a: 4, b: 4 });
      const c = yield* start("c");
      yield* until({ a: 3, b: 3, c: 2 });
      yield* grow(9);
      yield* until({ a: 3, b: 3, c: 3 });
      yield* b.member.leave;
      yield* Fiber.join(b.run);
      yield* Effect.raceFirst(until({ a: 5, c: 4 }), until({ a: 4, c: 5 }));
      yield* a.crash;
      yield* until({ c: 9 });
      for (const { events } of [a, b, c]) assert(!events.some((event) => event.startsWith("lost")), events.join());
    }))),
);

realKafkaTest(
  "a static member comes back to its partitions; a second one of its name ends it",
  (brokers) =>
    Effect.runPromise(Effect.scoped(Effect.gen(function* () {
      const { start, until, holders } = yield* makeWorld(brokers, 4);
      const one = yield* start("one", { instanceId: "one" });
      yield* until({ one: 4 });
      const two = yield* start("two", { instanceId: "two" });
      yield* until({ one: 2, two: 2 });
      const mine = () => [...holders].filter(([, name]) => name === "one").map(([key]) => key).sort();
      const before = mine();
      const { generation } = two.member.membership;
      yield* one.member.leave;
      assertEquals(mine(), []);
      const again = yield* start("one", { instanceId: "one" });
      yield* until({ two: 2, one: 2 });
      assertEquals(mine(), before);
      assertEquals(two.member.membership.generation, generation);
      const failed = yield* Effect.forkScoped(Effect.flip(Fiber.join(again.run)));
      holders.clear();
      yield* start("third", { instanceId: "one" });
      assertEquals((yield* Fiber.join(failed)).type, "FENCED_INSTANCE_ID");
    }))),
);

realKafkaTest(
  "offsets are committed under a membership and not under an old generation",
  (brokers) =>
    Effect.runPromise(Effect.scoped(Effect.gen(function* () {
      const { cluster, topic, groupId, start, until } = yield* makeWorld(brokers, 2);
      const a = yield* start("a");
      yield* until({ a: 2 });
      const offsets = yield* makeOffsets(cluster);
      const zero = { topic, partition: 0 };
      const { membership } = a.member;
      yield* offsets.commit(membership, [{ ...zero, offset: 0, metadata: "map" }]);
      assertEquals(yield* offsets.committed(groupId, [zero, { topic, partition: 1 }]), [
        { ...zero, offset: 0, metadata: "map" },
        { topic, partition: 1, offset: -1, metadata: "" },
      ]);
      const old = { ...membership, generation: membership.generation - 1 };
      const error = yield* Effect.flip(offsets.commit(old, [{ ...zero, offset: 1, metadata: "" }]));
      assertEquals(error.code, ErrorCode.ILLEGAL_GENERATION);
      assertEquals(yield* offsets.list([zero], -1), [{ ...zero, offset: 0 }]);
    }))),
);

realKafkaTest(
  "run fails when the broker refuses the session time-out",
  (brokers) =>
    Effect.runPromise(Effect.scoped(Effect.gen(function* () {
      const { start } = yield* makeWorld(brokers, 1);
      const a = yield* start("a", { sessionTimeout: 1 });
      const error = yield* Effect.flip(Fiber.join(a.run));
      assertEquals(error.type, "INVALID_SESSION_TIMEOUT");
    }))),
);
