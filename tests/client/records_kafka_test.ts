import { Deferred, Effect, Exit, Fiber, Schedule } from "effect";
import { makeCluster } from "../../src/client/cluster/cluster.ts";
import { makeFetcher } from "../../src/client/fetch/fetcher.ts";
import type { OutOfRangePolicy } from "../../src/client/port.ts";
import { makeSender, type SenderOptions } from "../../src/client/produce/sender.ts";
import { decodeRecords } from "../../src/codec/batch_decoder.ts";
import { makeKafkajsLink } from "../../src/link/kafkajs/kafkajs.ts";
import type { ProducerRecord, TopicPartition } from "../../src/record.ts";
import { assert, assertEquals } from "../assert.ts";
import { freshName, realKafkaTest } from "../support/kafka_broker.ts";
import { ownKafkaTest } from "../support/own_kafka.ts";
import { freePort, type KafkaOptions, startKafka } from "../../tools/kafka/node.ts";

const utf8 = new TextEncoder();

/** A topic, a way to publish to it and a way to read it. */
const makeWorld = Effect.fnUntraced(function* (brokers: string, partitions: number, options: SenderOptions = {}) {
  const cluster = yield* makeCluster(yield* makeKafkajsLink({ brokers }));
  const topic = freshName("records");
  const admin = yield* cluster.anyConnection("admin");
  const created = { name: topic, numPartitions: partitions, replicationFactor: 1, configs: {} };
  yield* admin.call("CreateTopics", { timeoutMs: 10_000, validateOnly: false, topics: [created] });
  yield* cluster.refresh([topic]).pipe(
    Effect.repeat({
      schedule: Schedule.spaced(20),
      until: () => cluster.topic(topic)?.partitions.length === partitions,
    }),
  );
  const sender = yield* makeSender(cluster, options);
  const fetcher = yield* makeFetcher(cluster, { maxWait: 100 });

  const failures: Array<string> = [];
  const offsets = new Map<number, Array<number>>();
  const offer = Effect.fnUntraced(function* (record: Omit<ProducerRecord, "topic">) {
    const settled = (error: Error | null, { partition, offset }: TopicPartition & { offset: number }) => {
      if (error !== null) failures.push(error.message);
      else offsets.set(partition, [...offsets.get(partition) ?? [], offset]);
    };
    while (!sender.offer({ topic, ...record }, { settled }, null)) yield* sender.room;
  });

  /** Reads a partition from `from` until `count` records have come; answers `offset key=value` of each. */
  const read = Effect.fnUntraced(
    function* (partition: number, count: number, from = 0, policy: OutOfRangePolicy = "fail") {
      const lines: Array<string> = [];
      const done = yield* Deferred.make<void, Error>();
      fetcher.add({ topic, partition }, from, {
        deliver: (chunk) => {
          const records = decodeRecords(chunk.bytes, chunk);
          for (let i = 0; i < records.length; i++) {
            const headers = records.headers(i).map(([name, value]) => ` ${name}:${value?.length ?? null}`).join("");
            lines.push(`${records.offset(i)} ${records.keyId(i)}=${records.valueText(i)}${headers}`);
          }
          if (lines.length >= count) Deferred.doneUnsafe(done, Exit.void);
        },
        idle: () => {},
        failed: (error) => Deferred.doneUnsafe(done, Exit.fail(error)),
      }, policy);
      yield* Effect.ensuring(
        Deferred.await(done),
        Effect.sync(() => fetcher.remove({ topic, partition })),
      );
      return lines;
    },
  );
  return { topic, admin, sender, offer, read, offsets, failures };
});

for (const compression of ["none", "gzip", "snappy", "lz4", "zstd"] as const) {
  realKafkaTest(
    `what the sender is given the fetcher delivers, in order (${compression})`,
    (brokers) =>
      Effect.runPromise(Effect.scoped(Effect.gen(function* () {
        const { sender, offer, read, offsets, failures } = yield* makeWorld(brokers, 3, {
          compression,
          batchRecords: 300,
        });
        const expected: Array<Array<string>> = [[], [], []];
        for (let i = 0; i < 3_000; i++) {
          const partition = i % 3;
          const value = i % 7 === 0 ? null : `value ${i} ${"é".repeat(i % 30)}`;
          const headers = i % 5 === 0 ? [["trace", utf8.encode("ab")], ["none", null]] as const : [];
          yield* offer({ partition, key: `key-${i % 40}`, value, headers });
          const suffix = i % 5 === 0 ? " trace:2 none:null" : "";
          expected[partition].push(`${expected[partition].length} key-${i % 40}=${value}${suffix}`);
        }
        yield* sender.flush;
        assertEquals([sender.pending(), failures], [0, []]);
        for (const partition of [0, 1, 2]) {
          assertEquals(offsets.get(partition), expected[partition].map((_, offset) => offset));
          assertEquals(yield* read(partition, expected[partition].length), expected[partition]);
        }
      }))),
  );
}

realKafkaTest(
  "a fetcher that starts below the log follows its policy",
  (brokers) =>
    Effect.runPromise(Effect.scoped(Effect.gen(function* () {
      const { topic, admin, sender, offer, read } = yield* makeWorld(brokers, 1);
      for (let i = 0; i < 10; i++) yield* offer({ partition: 0, key: null, value: `${i}` });
      yield* sender.flush;
      const topics = [{ name: topic, partitions: [{ partition: 0, offset: 6 }] }];
      const { topics: [deleted] } = yield* admin.call("DeleteRecords", { timeoutMs: 10_000, topics });
      assertEquals(deleted.partitions[0].errorCode, 0);
      assertEquals(yield* read(0, 4, 2, "earliest"), [6, 7, 8, 9].map((i) => `${i} null=${i}`));
      const error = yield* Effect.flip(read(0, 4, 2, "fail"));
      assertEquals(error.name, "OffsetOutOfRange");
      assert(error.message.includes(`${topic}/0`), error.message);
      const latest = yield* Effect.forkChild(read(0, 1, 2, "latest"), { startImmediately: true });
      // What "latest" means is settled when the broker is asked: publish until one of them comes.
      let published = 10;
      yield* Effect.repeat(
        Effect.andThen(Effect.suspend(() => offer({ partition: 0, key: null, value: `${published++}` })), sender.flush),
        { schedule: Schedule.spaced(20), until: () => latest.pollUnsafe() !== undefined },
      );
      const [first] = yield* Fiber.join(latest);
      assert(Number(first.split(" ")[0]) >= 10, first);
    }))),
);

const state = { options: {} as KafkaOptions };
ownKafkaTest(
  "a broker that is killed and comes back has every acknowledged record once, and in order",
  (node) =>
    Effect.runPromise(Effect.scoped(Effect.gen(function* () {
      const { sender, offer, read, offsets, failures } = yield* makeWorld(node.brokers, 1, {
        linger: 1,
        batchRecords: 20,
      });
      const total = 4_000;
      let again: Promise<AsyncDisposable> | undefined;
      yield* Effect.addFinalizer(() =>
        Effect.promise(async () => {
          await (await again)?.[Symbol.asyncDispose]();
          await Deno.remove(state.options.dataDir ?? "", { recursive: true });
        })
      );
      for (let i = 0; i < total; i++) {
        yield* offer({ partition: 0, key: null, value: `${i}` });
        if (i % 20 === 0) yield* Effect.sleep(1);
        if (i === total / 2) again = node.kill().then(() => startKafka(state.options));
      }
      yield* sender.flush;
      assertEquals(failures, []);
      // -1: stored already when it was sent again; the broker no longer knew where.
      const known = offsets.get(0)?.map((offset, i) => offset < 0 ? i : offset);
      assertEquals(known, Array.from({ length: total }, (_, i) => i));
      assertEquals(yield* read(0, total), Array.from({ length: total }, (_, i) => `${i} null=${i}`));
    }))),
  () => state.options = { port: freePort(), dataDir: Deno.makeTempDirSync() },
);
