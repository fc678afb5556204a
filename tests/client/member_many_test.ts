/**
 * Large groups on an embedded Kafka, in virtual time.
 * @module
 */
import { Effect, Exit, Fiber, Scope } from "effect";
import { makeCluster } from "../../src/client/cluster/cluster.ts";
import { makeMember } from "../../src/client/group/member.ts";
import type { GroupMember } from "../../src/client/port.ts";
import { EmbeddedKafka } from "../../src/link/embedded/embedded.ts";
import { partitionKey, type TopicPartition } from "../../src/record.ts";
import { VirtualTime } from "../../src/testing/virtual_time.ts";
import { assert, assertEquals } from "../assert.ts";

const topics: ReadonlyArray<readonly [name: string, partitions: number]> = [["orders", 120], ["payments", 80]];
const partitions = 200;
const most = 50;
const steps = 20;

interface Running {
  readonly member: GroupMember;
  readonly held: Set<string>;
  readonly fiber: Fiber.Fiber<unknown, unknown>;
  readonly scope: Scope.Closeable;
}

/** Members come, leave and die, `seed` says in which order; answers how many partitions changed hands. */
const comingAndGoing = Effect.fnUntraced(function* (seed: number) {
  let state = seed;
  const chance = (below: number) => (state = (state * 48_271) % 2_147_483_647) % below;
  const kafka = new EmbeddedKafka();
  const cluster = yield* makeCluster(yield* kafka.open);
  const admin = yield* cluster.anyConnection("admin");
  yield* admin.call("CreateTopics", {
    timeoutMs: 1_000,
    validateOnly: false,
    topics: topics.map(([name, numPartitions]) => ({ name, numPartitions, replicationFactor: -1, configs: {} })),
  });
  const holders = new Map<string, Set<string>>();
  const wrong: Array<string> = [];
  const running: Array<Running> = [];
  let given = 0;

  const start = Effect.fnUntraced(function* (name: string) {
    const scope = yield* Scope.fork(yield* Effect.scope);
    const held = new Set<string>();
    const release = (gone: ReadonlyArray<TopicPartition>) =>
      Effect.sync(() => {
        for (const { topic, partition } of gone) {
          const key = partitionKey(topic, partition);
          held.delete(key);
          if (holders.get(key) === held) holders.delete(key);
        }
      });
    const member = yield* Scope.provide(
      makeMember(cluster, { groupId: "g", topics: topics.map(([topic]) => topic), sessionTimeout: 6_000 }, {
        assigned: (added) =>
          Effect.sync(() => {
            given += added.length;
            for (const { topic, partition } of added) {
              const key = partitionKey(topic, partition);
              if (holders.has(key)) wrong.push(`${key} is assigned to ${name} while another holds it`);
              holders.set(key, held);
              held.add(key);
            }
          }),
        revoked: (gone) => Effect.andThen(Effect.sleep(chance(100)), release(gone)),
        lost: (gone) =>
          Effect.andThen(Effect.sync(() => void wrong.push(`${name} lost ${gone.length}`)), release(gone)),
      }),
      scope,
    );
    running.push({ member, held, fiber: yield* Effect.forkIn(member.run, scope), scope });
  });

  const end = Effect.fnUntraced(function* ({ member, held, fiber, scope }: Running, dies: boolean) {
    yield* dies ? Fiber.interrupt(fiber) : member.leave;
    yield* Scope.close(scope, Exit.void);
    for (const [key, holder] of [...holders]) if (holder === held) holders.delete(key);
  });

  /** Waits until everything is held, each by one, evenly. */
  const settled = Effect.fnUntraced(function* (what: string) {
    for (let waited = 0;; waited += 100) {
      const loads = running.map(({ held }) => held.size);
      const even = Math.max(...loads) - Math.min(...loads) <= 1;
      if (holders.size === partitions && even && kafka.group("g")?.members.length === running.length) return;
      assert(waited < 60_000, `${what}: ${holders.size} held, by ${running.length} members: ${loads}`);
      yield* Effect.sleep(100);
    }
  });

  for (let i = 0; i < most; i++) {
    yield* start(`m${i}`);
    yield* Effect.sleep(chance(50));
  }
  yield* settled("the start");
  given = 0;
  let due = 0;
  for (let step = 0; step < steps; step++) {
    const what = chance(3);
    if (what === 0 || running.length < most / 2) {
      yield* start(`n${step}`);
      yield* settled(`step ${step}, one more`);
      due += running[running.length - 1].held.size;
    } else {
      const [gone] = running.splice(chance(running.length), 1);
      due += gone.held.size;
      yield* end(gone, what === 1);
      yield* settled(`step ${step}, one less`);
    }
  }
  assertEquals(wrong, []);
  return { given, due };
});

Deno.test("50 members share 200 partitions while some come, leave and die: complete, even, one holder each", () => {
  const { given, due } = new VirtualTime(1).run(Effect.scoped(comingAndGoing(1)));
  // What a new one got and what one that went had held: nothing else may have moved.
  assertEquals(given, due);
});
