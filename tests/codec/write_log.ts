/**
 * Logs written by our client: records of every shape, in every compression.
 * @module
 */
import { Effect, Schedule } from "effect";
import { makeCluster } from "../../src/client/cluster/cluster.ts";
import { makeSender } from "../../src/client/produce/sender.ts";
import { makeKafkajsLink } from "../../src/link/kafkajs/kafkajs.ts";
import type { RecordHeaders } from "../../src/record.ts";
import { randomOf } from "../fuzz/mutations.ts";

/** The compressions, in the order of their numbers. */
export const everyCompression = ["none", "gzip", "snappy", "lz4", "zstd"] as const;

/** Makes topics of one partition. */
export function createTopics(brokers: string, topics: ReadonlyArray<string>): Promise<void> {
  return Effect.runPromise(Effect.scoped(Effect.gen(function* () {
    const cluster = yield* makeCluster(yield* makeKafkajsLink({ brokers }));
    yield* createIn(cluster, topics);
  })));
}

const createIn = Effect.fnUntraced(function* (
  cluster: Effect.Success<ReturnType<typeof makeCluster>>,
  topics: ReadonlyArray<string>,
) {
  const admin = yield* cluster.anyConnection("admin");
  const made = topics.map((name) => ({ name, numPartitions: 1, replicationFactor: 1, configs: {} }));
  yield* admin.call("CreateTopics", { timeoutMs: 10_000, validateOnly: false, topics: made });
  yield* cluster.refresh(topics).pipe(Effect.repeat({
    schedule: Schedule.spaced(20),
    until: () => topics.every((topic) => cluster.topic(topic)?.partitions.length === 1),
  }));
});

/** Writes a topic for each compression, `count` records and two of 200 kB; answers the topics. */
export function writeLogs(brokers: string, prefix: string, count: number): Promise<ReadonlyArray<string>> {
  const topics = everyCompression.map((compression) => `${prefix}-${compression}`);
  return Effect.runPromise(Effect.scoped(Effect.gen(function* () {
    const cluster = yield* makeCluster(yield* makeKafkajsLink({ brokers }));
    yield* createIn(cluster, topics);
    for (const [i, compression] of everyCompression.entries()) {
      const sender = yield* makeSender(cluster, { compression, batchRecords: 70 });
      const random = randomOf(9, i);
      const bytes = (length: number) => Uint8Array.from({ length }, () => random(256));
      const failures: Array<Error> = [];
      const settled = (error: Error | null) => void (error !== null && failures.push(error));
      const offer = Effect.fnUntraced(
        function* (key: Uint8Array | null, value: Uint8Array | null, headers: RecordHeaders) {
          const record = { topic: topics[i], partition: 0, key, value, headers };
          while (!sender.offer(record, { settled }, null)) yield* sender.room;
        },
      );
      for (let n = 0; n < count; n++) {
        const key = [null, new Uint8Array(0), new Uint8Array(4), bytes(9)][random(4)];
        const value = [null, new Uint8Array(0), bytes(random(400)), new Uint8Array(random(900))][random(4)];
        const names = ["a", "a", "trace", "", "größe", "x".repeat(200)];
        const headers = Array.from(
          { length: Math.max(0, random(8) - 3) },
          () => [names[random(6)], [null, new Uint8Array(0), bytes(20)][random(3)]] as const,
        );
        yield* offer(key, value, headers);
      }
      yield* offer(null, bytes(200_000), []);
      yield* offer(null, new Uint8Array(200_000), []);
      yield* sender.flush;
      if (failures.length > 0) return yield* Effect.die(failures[0]);
    }
    return topics;
  })));
}
