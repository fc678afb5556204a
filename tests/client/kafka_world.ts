/**
 * Members of either protocol in one group of a real Kafka, and who holds what.
 * @module
 */
import { Effect, Exit, Fiber, Schedule, Scope } from "effect";
import { makeCluster } from "../../src/client/cluster/cluster.ts";
import { type ConsumerMemberOptions, makeConsumerMember } from "../../src/client/group/consumer_member.ts";
import { makeMember } from "../../src/client/group/member.ts";
import { makeKafkajsLink } from "../../src/link/kafkajs/kafkajs.ts";
import { partitionKey, type TopicPartition } from "../../src/record.ts";
import { assertEquals } from "../assert.ts";
import { freshName } from "../support/kafka_broker.ts";

/** How a member is started. */
export interface StartOptions extends Partial<ConsumerMemberOptions> {
  /** Milliseconds it takes to let partitions go; default 100. */
  readonly slow?: number;
  /** Whether it takes part by the classic protocol; default: as the world does. */
  readonly classic?: boolean;
}

/** A topic, members of a group that want it, and who holds what. */
export const makeKafkaWorld = Effect.fnUntraced(function* (brokers: string, partitions: number, classicWorld: boolean) {
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
  const start = Effect.fnUntraced(
    function* (name: string, { slow = 100, classic = classicWorld, ...options }: StartOptions = {}) {
      const scope = yield* Scope.fork(yield* Effect.scope);
      const events: Array<string> = [];
      const release = (kind: string, partitions: ReadonlyArray<TopicPartition>) =>
        Effect.sync(() => {
          events.push(`${kind} ${partitions.length}`);
          for (const { topic, partition } of partitions) holders.delete(partitionKey(topic, partition));
        });
      const make = classic ? makeMember : makeConsumerMember;
      const settings = { groupId, topics: [topic], sessionTimeout: 6_000, heartbeatInterval: 100, ...options };
      const member = yield* Scope.provide(
        make(cluster, settings, {
          assigned: (partitions) =>
            Effect.sync(() => {
              events.push(`assigned ${partitions.length}`);
              for (const { topic, partition } of partitions) {
                const key = partitionKey(topic, partition);
                if (holders.has(key)) wrong.push(`${key} to ${name} while ${holders.get(key)} holds it`);
                holders.set(key, name);
              }
            }),
          revoked: (partitions) => Effect.andThen(Effect.sleep(slow), release("revoked", partitions)),
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
    },
  );
  /** Waits until these members, in any order, hold so many partitions each. */
  const until = (names: ReadonlyArray<string>, ...expected: ReadonlyArray<number>) =>
    Effect.suspend(() => {
      const loads = names.map((name) => [...holders.values()].filter((holder) => holder === name).length);
      const same = holders.size === expected.reduce((sum, each) => sum + each, 0) &&
        String(loads.sort()) === String([...expected].sort());
      return same
        ? Effect.void
        : Effect.fail(new Error(`${loads} and not ${expected}: ${JSON.stringify([...holders])}`));
    }).pipe(
      Effect.retry({ schedule: Schedule.spaced(20), times: 1_500 }),
      Effect.andThen(Effect.sync(() => assertEquals(wrong, []))),
    );
  return { cluster, topic, groupId, grow, holders, start, until };
});
