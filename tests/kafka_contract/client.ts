/**
 * What the client above the links finds on a Kafka.
 * @module
 */
import { Effect, Fiber } from "effect";
import { makeCluster } from "../../src/client/cluster/cluster.ts";
import { makeFetcher } from "../../src/client/fetch/fetcher.ts";
import { makeMember } from "../../src/client/group/member.ts";
import { makeOffsets } from "../../src/client/offsets/offsets.ts";
import type { FetchTarget } from "../../src/client/port.ts";
import { makeSender } from "../../src/client/produce/sender.ts";
import type { TopicPartition } from "../../src/record.ts";
import { assert, assertEquals } from "../assert.ts";
import { values } from "./batches.ts";
import type { Behaviour, Context } from "./context.ts";

const settled = (check: () => boolean, kafka: Context) => kafka.until(Effect.sync(check), (right) => right);

/** The behaviours. */
export const client: ReadonlyArray<Behaviour> = [
  {
    name: "the sender's records are fetched as they were published, partition by partition, in order",
    check: Effect.fnUntraced(function* (kafka) {
      const topic = yield* kafka.topic(3);
      const cluster = yield* makeCluster(kafka.link);
      const sender = yield* makeSender(cluster, { batchRecords: 7, compression: "gzip" });
      const fetcher = yield* makeFetcher(cluster, { maxWait: 100 });
      const fetched: Array<Array<string>> = [[], [], []];
      const target = (partition: number): FetchTarget => ({
        deliver: ({ bytes, from }) => void fetched[partition].push(...values(bytes, from)),
        idle: () => {},
        failed: (error) => void fetched[partition].push(String(error)),
      });
      for (const partition of fetched.keys()) fetcher.add({ topic, partition }, 0, target(partition), "fail");
      const published: typeof fetched = [[], [], []];
      const offsets: Array<number> = [];
      for (let i = 0; i < 200; i++) {
        const partition = i % 3;
        published[partition].push(String(i));
        const observer = {
          settled: (error: unknown, { offset }: { readonly offset: number }) => {
            assert(error === null, String(error));
            offsets.push(offset);
          },
        };
        assert(sender.offer({ topic, partition, key: null, value: String(i) }, observer, null));
      }
      yield* sender.flush;
      assertEquals(offsets.length, 200);
      assertEquals(Math.max(...offsets), 66);
      yield* settled(() => fetched.flat().length >= 200, kafka);
      assertEquals(fetched, published);
    }),
  },
  {
    name: "members share a topic's partitions, hand them over without a clash, and commit",
    check: Effect.fnUntraced(function* (kafka) {
      const topic = yield* kafka.topic(4);
      const groupId = yield* kafka.group();
      const cluster = yield* makeCluster(kafka.link);
      const offsets = yield* makeOffsets(cluster);
      const holders = new Map<number, string>();
      const clashes: Array<string> = [];
      const gone = (partitions: ReadonlyArray<TopicPartition>) =>
        Effect.sync(() => {
          for (const { partition } of partitions) holders.delete(partition);
        });
      const start = Effect.fnUntraced(function* (name: string) {
        const options = { groupId, topics: [topic], sessionTimeout: 6_000, heartbeatInterval: 50 };
        const member = yield* makeMember(cluster, options, {
          assigned: (partitions) =>
            Effect.sync(() => {
              for (const { partition } of partitions) {
                if (holders.has(partition)) clashes.push(`${partition} to ${name}`);
                holders.set(partition, name);
              }
            }),
          revoked: gone,
          lost: gone,
        });
        return { member, run: yield* Effect.forkScoped(member.run) };
      });
      const load = (name: string) => [...holders.values()].filter((holder) => holder === name).length;
      const a = yield* start("a");
      yield* settled(() => load("a") === 4, kafka);
      const b = yield* start("b");
      yield* settled(() => load("a") === 2 && load("b") === 2, kafka);
      const commit = { topic, partition: 1, offset: 0, metadata: "map" };
      yield* offsets.commit(b.member.membership, [commit]);
      assertEquals(yield* offsets.committed(groupId, [commit]), [commit]);
      yield* a.member.leave;
      yield* Fiber.join(a.run);
      yield* settled(() => load("b") === 4, kafka);
      yield* b.member.leave;
      yield* Fiber.join(b.run);
      assertEquals([holders.size, clashes], [0, []]);
    }),
  },
];
